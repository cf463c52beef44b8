// The model group: how the model is given, and the controls of that way.
import { html } from '../html.js';
import { Problem } from '../controls/problem.js';
import { t } from '../i18n/language.js';
import { change } from '../state/store.js';
import { Catalogue } from './catalogue.js';
import { Drop } from './drop.js';
import { EXAMPLE_ARGUMENTS, MegatronArguments } from './megatron.js';
import { TypedForm } from './typed_form.js';
import { START } from './typed.js';
import { cleared, wayOf } from './model.js';

/** @typedef {import('../state/address.js').Values} Values */
/** @typedef {import('../engine/engine.js').Problem} Problem */

/** Ways that a reader chooses between; a dropped file is one of them once it is there. */
const WAYS = /** @type {const} */ (['name', 'typed', 'megatron']);

/** @param {{values: Values, problems: Problem[]}} props */
export function ModelPicker({ values, problems }) {
  const way = wayOf(values);
  const told = problems.filter(({ field }) => field === 'model').map(({ message }) => message);
  return html`
    <${Drop} values=${values} />
    <div class="ways" role="group" aria-label=${t('model.ways')}>
      ${WAYS.map((one) => html`<button type="button" aria-pressed=${way === one} onClick=${() => choose(one, values)}>${t(`model.way.${one}`)}</button>`)}
    </div>
    ${way === 'name' && html`<${Catalogue} value=${values.model ?? ''} told=${told} />`}
    ${way === 'typed' && html`<${TypedForm} values=${values} problems=${problems} />`}
    ${way === 'megatron' && html`<${MegatronArguments} value=${values['m.args'] ?? ''} told=${told} />`}
    ${(way === 'files' || way === 'held') && html`<p class="dropped"><b>${values['m.name']}</b> ${t(`model.way.${way}`)}</p>`}
    ${way !== 'name' && way !== 'megatron' && told.map((text) => html`<${Problem} text=${text} />`)}`;
}

/** What each way begins with. */
const STARTS = { name: { model: 'llama-3.1-8b' }, typed: START, megatron: { model: '~megatron', 'm.args': EXAMPLE_ARGUMENTS } };

/** @param {keyof typeof STARTS} way @param {Values} values */
function choose(way, values) {
  if (way === wayOf(values)) return;
  change({ ...cleared(values), ...STARTS[way] }, { step: true });
}

/** The model in one line. @param {Values} values */
export function modelLine(values) {
  const way = wayOf(values);
  return way === 'name' ? values.model ?? '' : (values['m.name'] ?? t(`model.way.${way}`));
}
