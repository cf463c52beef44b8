// One control per field of a question, of the kind that its type asks for.
import { html } from '../html.js';
import { Problem } from './problem.js';
import { t, worded } from '../i18n/language.js';
import { exact } from '../format/number.js';
import { field, keyOf } from '../state/question.js';
import { change } from '../state/store.js';
import DTYPES from '../generated/dtypes.json';

/** @typedef {import('../engine/engine.js').Problem} Problem */
/** @typedef {import('../state/address.js').Values} Values */

/** Fields whose choices are the package's data types. */
const OF_TYPES = new Set(['dtype', 'router_dtype']);

/**
 * @param {object} props
 * @param {string} props.ask
 * @param {string} props.name
 * @param {Values} props.values
 * @param {Problem[]} props.problems
 */
export function OptionField({ ask, name, values, problems }) {
  const one = field(ask, name);
  const key = keyOf(ask, name);
  const choices = OF_TYPES.has(name) && !one.suggested ? DTYPES : one.type === 'boolean' ? ['true', 'false'] : one.choices ?? [];
  const told = toldOf(problems, name);
  return html`<${Labelled} id=${key} label=${labelOf(name)} help=${helpOf(ask, name)} range=${range(one)} told=${told}>
    ${choices.length
      ? html`<${Choice} id=${key} value=${values[key] ?? ''} choices=${choices} told=${told} onChange=${(/** @type {string} */ v) => change({ [key]: v })} />`
      : one.suggested ? html`<${Suggested} id=${key} value=${values[key] ?? ''} hint=${one.default ?? ''} choices=${one.suggested} told=${told} onChange=${(/** @type {string} */ v) => change({ [key]: v })} />`
      : html`<${Typed} id=${key} value=${values[key] ?? ''} hint=${one.default ?? ''} numeric=${['integer', 'number'].includes(one.type)} told=${told}
          onChange=${(/** @type {string} */ v) => change({ [key]: v })} />`}
  <//>`;
}

/** What a field is called. @param {string} name */
export const labelOf = (name) => (worded(`field.${name}`) ? t(`field.${name}`) : name.replaceAll('_', ' '));

/** What an option means: in the reader's language where there are words for it, else as the command line says it. @param {string} ask @param {string} name */
export function helpOf(ask, name) {
  const key = `help.${ask}.${name}`;
  return worded(key) ? t(key) : field(ask, name).help;
}

/** What is wrong with an option. @param {Problem[]} problems @param {string} name */
export const toldOf = (problems, name) => problems.filter(({ field: of }) => of === `options.${name}`).map(({ message }) => message);

/** @param {import('../state/question.js').Field} one */
function range({ min, max }) {
  if (min === null) return '';
  return max === null || max >= 2 ** 31 - 1
    ? t('controls.from', { low: exact(min) })
    : t('controls.range', { low: exact(min), high: exact(max) });
}

/** A label above a control, with help and what is wrong below. @param {any} props */
export function Labelled({ id, label, help, range = '', told = [], children }) {
  return html`<div class="field ${told.length ? 'wrong' : ''}">
    <label for=${id}>${label}</label>
    ${children}
    <p class="help" id="${id}-help">${help}${range && html` <span class="range">${range}</span>`}</p>
    ${told.map((/** @type {string} */ text) => html`<${Problem} id="${id}-problem" text=${text} />`)}
  </div>`;
}

/** A choice of few; the first is "by default". @param {any} props */
export function Choice({ id, value, choices, onChange, told = [], empty = true, name = (/** @type {string} */ v) => v }) {
  /** @type {Record<string, string>} */
  const words = { true: t('controls.yes'), false: t('controls.no') };
  return html`<select id=${id} value=${value} aria-invalid=${told.length > 0} aria-describedby="${id}-help"
      onChange=${(/** @type {any} */ e) => onChange(e.currentTarget.value)}>
    ${empty && html`<option value="">${t('controls.default')}</option>`}
    ${choices.map((/** @type {string} */ one) => html`<option value=${one} selected=${one === value} lang=${(words[one] ?? name(one)) === one ? 'en' : undefined}>${words[one] ?? name(one)}</option>`)}
  </select>`;
}

/** A text with what it most often is to choose from. @param {any} props */
export const Suggested = ({ id, choices, ...others }) => html`<${Typed} id=${id} ...${others} list="${id}-list" />
  <datalist id="${id}-list">${choices.map((/** @type {string} */ choice) => html`<option value=${choice} />`)}</datalist>`;

/** A text or a number. @param {any} props */
export function Typed({ id, value, onChange, hint = '', numeric = false, told = [], list = undefined }) {
  return html`<input id=${id} type="text" value=${value} placeholder=${String(hint)} autocomplete="off" spellcheck=${false} list=${list}
    inputmode=${numeric ? 'decimal' : undefined} class=${numeric ? 'number' : ''} aria-invalid=${told.length > 0} aria-describedby="${id}-help"
    onInput=${(/** @type {any} */ e) => onChange(e.currentTarget.value)} />`;
}
