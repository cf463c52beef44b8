// How many parameters a model has, where they are, and how many bytes they take.
import { html } from '../html.js';
import { Said } from '../i18n/said.js';
import { t } from '../i18n/language.js';
import { binary, decimal, exact, percent, short } from '../format/number.js';
import { optionsOf } from '../state/question.js';
import { Figure } from '../drawer/figure.js';
import { ByType } from './parameters/by_type.js';
import { ModuleTable } from './parameters/modules.js';
import { Treemap } from './parameters/treemap.js';
import { Alone, Checkpoint, InFiles } from './parameters/stored.js';
import { Notes } from '../frame/notes.js';

/** Data types whose bytes are explained by asking for them: ``bytes:fp8``. */
const BYTES = /^bytes:(\w+)$/;

/** @type {import('./panel.js').Panel} */
export default {
  id: 'params',
  ask: 'params',
  groups: [{ id: 'model' }, { id: 'weights', fields: ['dtype', 'router_dtype'] }],
  question: (values, model) => ({ ask: 'params', model, options: optionsOf('params', values), with: [] }),
  explain: (shown, question) => {
    const dtype = BYTES.exec(shown)?.[1];
    const options = { ...question.options, quantity: dtype ? 'bytes' : shown, ...(dtype && { dtype }) };
    return { question: { ...question, options, with: ['explain'] }, steps: (answer) => answer.explanation };
  },
  title: ({ model, parameters, weights }) => (model ? `${model.name}: ${short(parameters.total)}` : `${weights.name}: ${decimal(weights.total)}`),
  Answer,
};

/** @param {{answer: any}} props */
function Answer({ answer }) {
  if (!answer.model) return html`<${Alone} weights=${answer.weights} /><${InFiles} weights=${answer.weights} /><${Notes} notes=${answer.notes} />`;
  const { model, parameters, bytes } = answer;
  const sparse = parameters.active !== parameters.total;
  return html`
    <div class="sentence">
      <p class="of">${model.name} · <${Said} text=${model.family} /></p>
      <p class="large"><${Figure} of="total" label=${t('params.total')}>${short(parameters.total)}<//> <span>${t('params.parameters')}</span></p>
      <p class="also"><${Figure} of="total">${exact(parameters.total)}<//> ${t('params.parameters')}</p>
      <p class="also"><${Figure} of=${`bytes:${bytes.dtype}`}>${exact(bytes.total)}<//> ${t('params.bytes.in', { dtype: bytes.dtype, size: `${decimal(bytes.total)}${t('params.comma')}${binary(bytes.total)}` })}</p>
      ${sparse && html`<p class="also"><${Figure} of="active">${exact(parameters.active)}<//> ${t('params.active', { share: percent(parameters.active / parameters.total) })}</p>`}
      <p class="also"><${Figure} of="embedding">${exact(parameters.embedding)}<//> ${t('params.embedding')}${t('params.comma')}<${Figure} of="non_embedding">${exact(parameters.non_embedding)}<//> ${t('params.rest')}</p>
      ${parameters.multi_token_prediction > 0 && html`<p class="also"><${Figure} of="prediction">${exact(parameters.multi_token_prediction)}<//> ${t('params.prediction')}</p>`}
    </div>
    <${Treemap} answer=${answer} />
    <${ModuleTable} answer=${answer} />
    ${answer.weights ? html`<${InFiles} weights=${answer.weights} />` : answer.checkpoint && html`<${Checkpoint} checkpoint=${answer.checkpoint} />`}
    <${ByType} answer=${answer} />
    <${Notes} notes=${answer.notes} source=${model.source} />`;
}
