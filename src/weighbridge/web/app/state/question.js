// From what was typed to a question: every field of an ask as the type that Python says it has.
import FIELDS from '../generated/fields.json';

/**
 * @typedef {object} Field
 * @property {string} name
 * @property {string} help
 * @property {string} type boolean, integer, number, choice, file or text
 * @property {number | null} min
 * @property {number | null} max
 * @property {string[] | null} choices
 * @property {string[] | null} suggested names that a text most often is, the most usual first
 * @property {{name: string, suggested: string[], flag: boolean}[] | null} parts fields that a text consists of
 * @property {Record<string, Record<string, string | boolean | null>> | null} ways what it and others most often are together, by name
 * @property {boolean} multiple
 * @property {unknown} default
 */

/** @typedef {{ask: string, model?: unknown, models?: unknown[], words?: string, options: Record<string, unknown>, with?: string[], files?: Record<string, {text: string}>, held?: string[]}} Question */

/** Fields that mean the same wherever they are asked for, so that they are kept once. */
const SHARED = new Set(['cluster', 'price']);

/** The key of a field in the address. @param {string} ask @param {string} name */
export const keyOf = (ask, name) => (SHARED.has(name) ? name : `${ask}.${name}`);

/** The fields of an ask. @param {string} ask @returns {Field[]} */
export const fieldsOf = (ask) => /** @type {any} */ (FIELDS)[ask];

/** One field. @param {string} ask @param {string} name @returns {Field} */
export function field(ask, name) {
  const found = fieldsOf(ask).find((one) => one.name === name);
  if (!found) throw new Error(`${ask} has no field ${name}`);
  return found;
}

/** All options of an ask that the address gives, typed. @param {string} ask @param {import('./address.js').Values} values */
export function optionsOf(ask, values) {
  /** @type {Record<string, unknown>} */
  const options = {};
  for (const one of fieldsOf(ask)) {
    const text = values[keyOf(ask, one.name)];
    if (text) options[one.name] = one.multiple ? text.split('\n').filter(Boolean).map((t) => typed(one, t)) : typed(one, text);
  }
  return options;
}

/** A text as the type of its field; what is none stays text, which Python refuses in words. @param {Field} one @param {string} text */
function typed(one, text) {
  if (one.type === 'boolean') return text === 'true' ? true : text === 'false' ? false : text;
  if (one.type === 'integer') return /^-?\d+$/.test(plain(text)) ? Number(plain(text)) : text;
  if (one.type === 'number') return plain(text) !== '' && Number.isFinite(Number(plain(text))) ? Number(plain(text)) : text;
  return text;
}

/** Digits without the separators of thousands that people type. @param {string} text */
const plain = (text) => text.trim().replace(/(?<=\d)[,_\s](?=\d{3})/g, '');
