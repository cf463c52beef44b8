// What every answer can be taken along as: JSON as the command line prints it, a report, the command itself.
import { useState } from 'preact/hooks';
import { html } from '../html.js';
import { t } from '../i18n/language.js';
import { ask, settled } from '../engine/engine.js';
import { save } from '../format/save.js';
import { commandOf } from './command.js';
import { indented } from './json.js';

/** @typedef {import('../state/question.js').Question} Question */
/** @typedef {import('../panels/panel.js').Panel} Panel */

/** What files of an answer are called: the model, what was asked. @param {Panel} panel @param {any} answer */
function stemOf(panel, answer) {
  const name = panel.file?.(answer) ?? `${answer.model?.name ?? answer.model ?? 'weighbridge'}-${panel.id}`;
  return name.replace(/[^\w.+-]+/g, '-');
}

/** @param {{panel: Panel, answer: any, question: Question}} props */
export function Exports({ panel, answer, question }) {
  const [said, say] = useState('');
  const stem = stemOf(panel, answer);
  const command = commandOf(question);
  const json = async () => {
    const told = await ask('export', question);
    if (told?.errors) throw new Error(told.errors.map(({ message }) => message).join('; '));
    if (told?.text) save(`${stem}.json`, 'application/json', indented(told.text));
  };
  const whole = async () => {
    say(t('exports.settling'));
    await settled(); // an answer asks for more: curves, a timeline, what would help
    const { report } = await import('./report.js');
    const shown = /** @type {Element} */ (document.getElementById('answer'));
    const progress = (/** @type {number} */ done, /** @type {number} */ all) => say(t('exports.writing', { done: done + 1, all }));
    save(`${stem}.html`, 'text/html', await report(panel, question, answer, shown, progress));
    say(t('exports.written', { file: `${stem}.html` }));
  };
  const tell = (/** @type {() => Promise<void>} */ act) => () => void act().catch((error) => say(t('exports.failed', { error: String(error) })));
  return html`<section class="exports"><h2>${t('exports.title')}</h2>
    <p><button type="button" class="quiet" onClick=${tell(whole)}>${t('exports.report')}</button>
      <button type="button" class="quiet" onClick=${tell(json)}>${t('exports.json')}</button>
      <button type="button" class="quiet" onClick=${() => print()}>${t('exports.print')}</button>
      <span role="status">${said}</span></p>
    <p class="hint">${t('exports.hint')}</p>
    ${command && html`<p class="hint">${t('exports.command')}</p><pre tabindex="0"><code>${command}</code></pre>`}
  </section>`;
}
