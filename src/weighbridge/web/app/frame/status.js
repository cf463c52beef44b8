// What stands above the answer: that it is being worked out, what is wrong, what failed.
import { useEffect, useState } from 'preact/hooks';
import { html } from '../html.js';
import { Said } from '../i18n/said.js';
import { t } from '../i18n/language.js';
import { engine } from '../engine/engine.js';

/** Milliseconds after which it is said that an answer takes a while. */
const PATIENCE = 400;

/** @param {{told: import('../engine/engine.js').Told, problems: import('../engine/engine.js').Problem[]}} props */
export function Status({ told, problems }) {
  const slow = useSlow(told.pending);
  const { loading, broken } = useStart();
  const failed = told.failed || broken;
  if (failed) return html`<div class="told failed" role="alert"><h2>${t('frame.failed')}</h2><p lang="en">${failed}</p><p>${t('frame.failed.hint')}</p></div>`;
  if (problems.length)
    return html`<div class="told wrong" role="alert"><h2>${t('frame.problems')}</h2>
      <ul>${problems.map(({ field, message }) => html`<li>${field && html`<code>${field.replace(/^options\./, '')}</code>${': '}`}<${Said} text=${message} /></li>`)}</ul>
      ${told.answer && html`<p>${t('frame.before')}</p>`}</div>`;
  return html`<p class="working" role="status">${slow ? t(loading ? 'frame.loading' : 'frame.working') : html`<span class="hint">${t('drawer.hint')}</span>`}</p>`;
}

/** Whether something has been pending for a while. @param {boolean} pending */
function useSlow(pending) {
  const [slow, set] = useState(false);
  useEffect(() => {
    if (!pending) return void set(false);
    const timer = setTimeout(() => set(true), PATIENCE);
    return () => clearTimeout(timer);
  }, [pending]);
  return slow;
}

/** Whether Python is still loading, and why it could not. */
function useStart() {
  const [start, set] = useState({ loading: true, broken: '' });
  useEffect(() => void engine.ready.then(() => set({ loading: false, broken: '' }), (error) => set({ loading: false, broken: String(error) })), []);
  return start;
}
