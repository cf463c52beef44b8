// The model group: how the model is given, and the controls of that way.
import { html } from '../html.js';
import { t } from '../i18n/language.js';
import { change } from '../state/store.js';
import { Catalogue } from './catalogue.js';
import { Drop } from './drop.js';
import { TypedForm } from './typed_form.js';
import { START } from './typed.js';
import { wayOf } from './model.js';

/** @typedef {import('../state/address.js').Values} Values */
/** @typedef {import('../engine/engine.js').Problem} Problem */

/** Ways that a reader chooses between; a dropped file is one of them once it is there. */
const WAYS = /** @type {const} */ (['name', 'typed']);

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
    ${way !== 'name' && told.map((text) => html`<p class="problem" role="alert">${text}</p>`)}`;
}

/** @param {'name' | 'typed'} way @param {Values} values */
function choose(way, values) {
  if (way === wayOf(values)) return;
  const cleared = Object.fromEntries(Object.keys(values).filter((key) => key.startsWith('m.')).map((key) => [key, '']));
  change({ ...cleared, ...(way === 'typed' ? START : { model: 'llama-3.1-8b' }) }, { step: true });
}

/** The model in one line. @param {Values} values */
export function modelLine(values) {
  return wayOf(values) === 'name' ? values.model ?? '' : values['m.name'] ?? t('model.way.typed');
}
