// What is known: a budget, a size, tokens, or a model and its tokens. A budget may be said in FLOPs, in days, in dollars.
import MODELS from '../../generated/models.json';
import { html } from '../../html.js';
import { t } from '../../i18n/language.js';
import { dollars, short } from '../../format/number.js';
import { Labelled, Typed, helpOf, labelOf, toldOf } from '../../controls/fields.js';
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

/** What says a budget, each of which takes the others' place. */
const BUDGETS = ['scaling.compute', 'scaling.days', 'scaling.dollars'];

const KEYS = [...BUDGETS, 'scaling.parameters', 'scaling.tokens'];

/** What a reader chose to give: it stays while its fields are empty. */
const WAY = 'scaling.way';

/** What is given. @param {Values} values @returns {Way} */
export function wayOf(values) {
  const said = /** @type {Way} */ (values[WAY]);
  if (WAYS.includes(said)) return said;
  if (values['scaling.parameters']) return values['scaling.tokens'] ? 'both' : 'parameters';
  return values['scaling.tokens'] ? 'tokens' : 'compute';
}

/** FLOPs as they were typed; the page's own while nothing says a budget. @param {Values} values */
export const budgetOf = (values) => values['scaling.compute'] ?? (wayOf(values) === 'compute' && !BUDGETS.some((key) => values[key]) ? BUDGET : '');

/** @param {Props} props */
export function Ways({ values }) {
  const way = wayOf(values);
  const choose = (/** @type {Way} */ one) => change({ ...Object.fromEntries(KEYS.map((key) => [key, ''])), ...STARTS[one], [WAY]: one }, { step: true });
  return html`<div class="ways four" role="group" aria-label=${t('scaling.ways')}>
    ${WAYS.map((one) => html`<button type="button" aria-pressed=${one === way} onClick=${() => one !== way && choose(one)}>${t(`scaling.way.${one}`)}</button>`)}</div>`;
}

/** FLOPs of the budget: as they were typed, else those that days or dollars come to, as Python says. @param {Props & {answer: any}} props */
export function Budget({ values, problems, answer }) {
  const compute = answer?.question.compute;
  const typed = numberOf(values['scaling.compute'] ?? '');
  const at = typed > 0 ? typed : compute ?? Number(BUDGET);
  return html`<${Said} name="compute" values=${values} problems=${problems} hint=${compute ? power(compute) : BUDGET} />
    <input type="range" aria-label=${t('scaling.slider')} aria-valuetext=${`${power(at)} FLOPs`} min="18" max="28" step="0.02" value=${Math.log10(at)}
      onInput=${(/** @type {any} */ e) => say('scaling.compute', power(10 ** Number(e.currentTarget.value)))} />`;
}

/** @param {string} text */
const numberOf = (text) => (/^\s*\d*\.?\d+(e\+?\d+)?\s*$/i.test(text) ? Number(text) : NaN);

/** The days of the cluster. @param {Props & {answer: any}} props */
export const Days = ({ values, problems, answer }) => html`<${Said} name="days" values=${values} problems=${problems} hint=${costOf(answer, 'days', plain)} />`;

/** The dollars that its hours cost. @param {Props & {answer: any}} props */
export const Dollars = ({ values, problems, answer }) => html`<${Said} name="dollars" values=${values} problems=${problems} hint=${costOf(answer, 'dollars', dollars)} />`;

/** What the budget costs, as Python says; empty where that is not known. @param {any} answer @param {string} figure @param {(value: number) => string} written */
function costOf(answer, figure, written) {
  const cost = answer?.answers[0].cost;
  return cost && cost[figure] !== null ? written(cost[figure]) : '';
}

/** Say the budget by one of its fields. @param {string} key @param {string} text */
const say = (key, text) => change({ ...Object.fromEntries(BUDGETS.map((one) => [one, ''])), [key]: text.replace(/^\s*\$\s*/, '') });

/** A field that says the budget; empty, it shows what another comes to. @param {Props & {name: string, hint: string}} props */
function Said({ name, values, problems, hint }) {
  const key = `scaling.${name}`;
  const told = toldOf(problems, name);
  return html`<${Labelled} id=${key} label=${labelOf(name)} help=${helpOf('scaling', name)} told=${told}>
    <${Typed} id=${key} value=${values[key] ?? ''} hint=${hint} numeric=${true} told=${told} onChange=${(/** @type {string} */ v) => say(key, v)} /><//>`;
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
  const { 'scaling.days': days, 'scaling.dollars': sum, 'scaling.parameters': size, 'scaling.tokens': tokens } = values;
  return [budgetOf(values) && `${budgetOf(values)} FLOPs`, days && t('scaling.line.days', { days }), sum && t('scaling.line.dollars', { dollars: sum }), size && t('scaling.line.size', { size }), tokens && t('scaling.line.tokens', { tokens })].filter(Boolean).join(' · ');
}
