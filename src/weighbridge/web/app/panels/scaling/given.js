// What is known: a budget, a size, tokens, or a model and its tokens. A budget may be said in FLOPs, in days, in dollars.
import { useState } from 'preact/hooks';
import MODELS from '../../generated/models.json';
import { html } from '../../html.js';
import { t } from '../../i18n/language.js';
import { dollars, short } from '../../format/number.js';
import { Labelled, Typed, toldOf } from '../../controls/fields.js';
import { change } from '../../state/store.js';
import { plain, power } from './looks.js';

/** @typedef {import('../../state/address.js').Values} Values */
/** @typedef {import('../../engine/engine.js').Problem} Problem */
/** @typedef {{values: Values, problems: Problem[]}} Props */
/** @typedef {'compute' | 'parameters' | 'tokens' | 'both'} Way */

/** The budget that the page opens with: that of Gopher, on which Chinchilla was trained. */
const BUDGET = '5.76e23';

/** What each way begins with. @type {Record<Way, Values>} */
const STARTS = {
  compute: { 'scaling.compute': BUDGET },
  parameters: { 'scaling.parameters': '8B' },
  tokens: { 'scaling.tokens': '1.4T' },
  both: { 'scaling.parameters': '280B', 'scaling.tokens': '300B' },
};

const WAYS = /** @type {Way[]} */ (Object.keys(STARTS));
const KEYS = ['scaling.compute', 'scaling.parameters', 'scaling.tokens'];

/** What a reader chose to give: it stays while its fields are empty. */
const WAY = 'scaling.way';

/** What is given. @param {Values} values @returns {Way} */
export function wayOf(values) {
  const said = /** @type {Way} */ (values[WAY]);
  if (WAYS.includes(said)) return said;
  if (values['scaling.parameters']) return values['scaling.tokens'] ? 'both' : 'parameters';
  return values['scaling.tokens'] ? 'tokens' : 'compute';
}

/** The budget as it was typed. @param {Values} values */
export const budgetOf = (values) => values['scaling.compute'] ?? (wayOf(values) === 'compute' ? BUDGET : '');

/** @param {Props} props */
export function Ways({ values }) {
  const way = wayOf(values);
  const choose = (/** @type {Way} */ one) => change({ ...Object.fromEntries(KEYS.map((key) => [key, ''])), ...STARTS[one], [WAY]: one }, { step: true });
  return html`<div class="ways four" role="group" aria-label=${t('scaling.ways')}>
    ${WAYS.map((one) => html`<button type="button" aria-pressed=${one === way} onClick=${() => one !== way && choose(one)}>${t(`scaling.way.${one}`)}</button>`)}</div>`;
}

/** @param {string} text */
const numberOf = (text) => (/^\s*\d*\.?\d+(e\+?\d+)?\s*$/i.test(text) ? Number(text) : NaN);

/** @param {Props & {answer: any}} props */
export function Budget({ values, problems, answer }) {
  const text = budgetOf(values);
  const put = (/** @type {string} */ v) => change({ 'scaling.compute': v });
  const told = toldOf(problems, 'compute');
  const known = numberOf(text);
  return html`
    <${Labelled} id="scaling.compute" label=${t('field.compute')} help=${t('help.scaling.compute')} told=${told}>
      <${Typed} id="scaling.compute" value=${values['scaling.compute'] ?? ''} hint=${BUDGET} numeric=${true} told=${told} onChange=${put} /><//>
    <input type="range" aria-label=${t('scaling.slider')} aria-valuetext=${`${text} FLOPs`} min="18" max="28" step="0.02" value=${known > 0 ? Math.log10(known) : 23.76}
      onInput=${(/** @type {any} */ e) => put(power(10 ** Number(e.currentTarget.value)))} />
    ${answer?.answers[0].cost && html`<${Spent} cost=${answer.answers[0].cost} put=${put} />`}`;
}

/** The budget in days of the cluster and in dollars, and what a day and a dollar give, as Python says. @param {{cost: any, put: (text: string) => void}} props */
function Spent({ cost, put }) {
  return html`<div class="pair-of-fields">
    <${Other} id="scaling-days" label=${t('scaling.days')} value=${cost.days} say=${plain} onValue=${(/** @type {number} */ v) => put(power(v * cost.flops_per_day))} />
    ${cost.dollars !== null && html`<${Other} id="scaling-dollars" label=${t('scaling.dollars')} value=${cost.dollars} say=${dollars} onValue=${(/** @type {number} */ v) => put(power(v * cost.flops_per_dollar))} />`}</div>`;
}

/** A field that says the same as another: what is typed stands while it is typed. @param {any} props */
function Other({ id, label, value, say, onValue }) {
  const [typed, type] = useState(/** @type {string | null} */ (null));
  const input = (/** @type {any} */ event) => {
    const text = event.currentTarget.value;
    type(text);
    const number = Number(text.replace(/[$,\s]/g, ''));
    if (number > 0 && Number.isFinite(number)) onValue(number);
  };
  return html`<div class="field"><label for=${id}>${label}</label>
    <input id=${id} type="text" class="number" inputmode="decimal" autocomplete="off" value=${typed ?? say(value)} onInput=${input} onBlur=${() => type(null)} /></div>`;
}

/** A size, with the catalogue's to choose from. @param {Props} props */
export function Size({ values, problems }) {
  const told = toldOf(problems, 'parameters');
  return html`<${Labelled} id="scaling.parameters" label=${t('field.parameters')} help=${t('help.scaling.parameters')} told=${told}>
    <${Typed} id="scaling.parameters" value=${values['scaling.parameters'] ?? ''} numeric=${true} told=${told} list="scaling-sizes" onChange=${(/** @type {string} */ v) => change({ 'scaling.parameters': v })} />
    <datalist id="scaling-sizes">${MODELS.map(({ name, parameters }) => html`<option key=${name} value=${String(parameters)}>${name} ${short(parameters)}</option>`)}</datalist><//>`;
}

/** In one line. @param {Values} values */
export function givenLine(values) {
  const { 'scaling.parameters': size, 'scaling.tokens': tokens } = values;
  return [budgetOf(values) && `${budgetOf(values)} FLOPs`, size && t('scaling.line.size', { size }), tokens && t('scaling.line.tokens', { tokens })].filter(Boolean).join(' · ');
}
