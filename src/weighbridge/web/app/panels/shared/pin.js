// Plans put beside each other: a plan is the state that asks about it, kept in the address of all of them.
import { html } from '../../html.js';
import { t } from '../../i18n/language.js';
import { decoded, encoded } from '../../state/address.js';
import { keyOfModel } from '../../model/model.js';
import { change, current } from '../../state/store.js';

/** @typedef {import('../../state/address.js').Values} Values */
/** @typedef {import('../../state/address.js').State} State */

/** Things that may stand beside each other: plans, models, clusters. */
export const MOST = 8;

/** The key that holds them, one a line. */
export const PINNED = 'plans';

/** Keys of the address that a panel's plan does not need. */
const APART = new Set(['x', PINNED, 'models']);

/** Plans that are kept. @param {Values} values @returns {State[]} */
export function pinned(values) {
  return (values[PINNED] ?? '').split('\n').filter(Boolean).slice(0, MOST).map((text) => decoded(`#${text}`, { panel: 'train', values: {} }));
}

/** @param {State[]} plans */
export const pinnedText = (plans) => plans.map((plan) => encoded(plan).slice(1)).join('\n');

/** The plan that a panel asks about now. @param {string} panel @param {Values} values @returns {State} */
function planNow(panel, values) {
  const models = new Set(JSON.parse(keyOfModel(values)).map((/** @type {[string, string]} */ [key]) => key));
  const own = Object.entries(values).filter(([key]) => !APART.has(key) && (models.has(key) || key.startsWith(`${panel}.`) || !key.includes('.')));
  return { panel, values: Object.fromEntries(own) };
}

/** @param {{question: any, values: Values, name: string}} props */
export function Pin({ question, values, name }) {
  const plans = pinned(values);
  const plan = planNow(current().panel, { ...values, cluster: values.cluster ?? question.options.cluster });
  const there = plans.some((one) => encoded(one) === encoded(plan));
  const full = plans.length >= MOST && !there;
  const put = () => change({ [PINNED]: pinnedText(there ? plans.filter((one) => encoded(one) !== encoded(plan)) : [...plans, plan]) }, { step: true });
  return html`<p class="pin"><button type="button" class="quiet" aria-pressed=${there} disabled=${full} aria-label=${t(there ? 'pin.away.this' : 'pin.this', { name })} onClick=${put}>${t(there ? 'pin.away' : full ? 'pin.full' : 'pin.put')}</button>
    ${plans.length > 0 && html` <a href=${encoded({ panel: 'compare', values: { ...values, x: '' } })} onClick=${(/** @type {Event} */ e) => { e.preventDefault(); change({ x: '' }, { panel: 'compare', step: true }); }}>${t('pin.see', { count: plans.length })}</a>`}</p>`;
}
