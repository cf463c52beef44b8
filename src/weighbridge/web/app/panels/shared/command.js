// What Python emitted, a command or a file: to read and to copy, with what it does not say.
import { useState } from 'preact/hooks';
import { html } from '../../html.js';
import { t } from '../../i18n/language.js';

/** @param {{told: import('../../engine/engine.js').Told}} props */
export function Command({ told: { answer, problems, pending } }) {
  const [copied, set] = useState(false);
  if (problems.length) return problems.map(({ message }) => html`<p class="problem" lang="en">${message}</p>`);
  if (!answer) return html`<p class="hint">${t('frame.working')}</p>`;
  const { text, warnings } = answer.emitted;
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    set(true);
    setTimeout(() => set(false), 2000);
  };
  return html`<div class="command ${pending ? 'stale' : ''}">
    <pre tabindex="0" lang="en"><code>${text}</code></pre>
    <button type="button" class="quiet" onClick=${copy} aria-live="polite">${t(copied ? 'launch.copied' : 'launch.copy')}</button>
    ${warnings.map((/** @type {string} */ warning) => html`<p class="hint" lang="en">${warning}</p>`)}</div>`;
}
