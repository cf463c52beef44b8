// What Python emitted, a command or a file: to read and to copy, with what it does not say.
import { CopyButton } from '../../controls/copy.js';
import { html } from '../../html.js';
import { Said } from '../../i18n/said.js';
import { t } from '../../i18n/language.js';
import { Wrong } from './wrong.js';

/** @param {{told: import('../../engine/engine.js').Told}} props */
export function Command({ told }) {
  const { answer, problems, pending } = told;
  if (problems.length) return html`<${Wrong} told=${told} />`;
  if (!answer) return html`<p class="hint">${t('frame.working')}</p>`;
  const { text, warnings } = answer.emitted;
  return html`<div class="command ${pending ? 'stale' : ''}">
    <pre tabindex="0" lang="en"><code>${text}</code></pre>
    <${CopyButton} text=${() => text} idle="launch.copy" done="launch.copied" />
    ${warnings.map((/** @type {string} */ warning) => html`<${Said} of="p" class="hint" text=${warning} />`)}</div>`;
}
