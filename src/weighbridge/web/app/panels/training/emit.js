// The plan as arguments or a file of a framework, to copy.
import { useState } from 'preact/hooks';
import { html } from '../../html.js';
import { t } from '../../i18n/language.js';
import { field } from '../../state/question.js';
import { useAnswer } from '../../engine/engine.js';
import { Command } from '../shared/command.js';

/** @param {{question: any}} props */
export function EmittedPlan({ question }) {
  const forms = field(question.ask, 'emit').choices ?? [];
  const [wanted, want] = useState(false);
  const [form, choose] = useState(forms[0]);
  return html`<details class="view" onToggle=${(/** @type {any} */ e) => want(e.currentTarget.open)}>
    <summary><h2>${t('train.emit')}</h2> <span class="hint">${forms.join(', ')}</span></summary>
    ${wanted && html`<div class="ways" role="group" aria-label=${t('train.emit.which')}>${forms.map((one) => html`<button type="button" key=${one} aria-pressed=${one === form} onClick=${() => choose(one)}>${one}</button>`)}</div>
      <${Emitted} key=${form} question=${question} form=${form} />`}</details>`;
}

/** @param {{question: any, form: string}} props */
function Emitted({ question, form }) {
  const told = useAnswer('train-emit', { ...question, options: { ...question.options, emit: form } });
  return html`<${Command} told=${told} />`;
}
