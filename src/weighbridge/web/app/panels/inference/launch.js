// The command that starts the deployment under its engine, to copy.
import { useState } from 'preact/hooks';
import { html } from '../../html.js';
import { t } from '../../i18n/language.js';
import { field } from '../../state/question.js';
import { useAnswer } from '../../engine/engine.js';
import { Command } from '../shared/command.js';

/** @param {{question: any, answer: any}} props */
export function Launch({ question, answer }) {
  const engine = answer.plan.engine;
  const known = field('infer', 'emit').choices?.includes(engine);
  const [wanted, want] = useState(false);
  return html`<details class="view" onToggle=${(/** @type {any} */ e) => want(e.currentTarget.open)}>
    <summary><h2>${t('infer.launch')}</h2> <span class="hint">${engine}</span></summary>
    ${wanted && (known ? html`<${Emitted} question=${question} engine=${engine} />` : html`<p class="hint">${t('infer.launch.none', { engine })}</p>`)}</details>`;
}

/** @param {{question: any, engine: string}} props */
function Emitted({ question, engine }) {
  const told = useAnswer('infer-launch', { ...question, options: { ...question.options, emit: engine } });
  return html`<${Command} told=${told} />`;
}
