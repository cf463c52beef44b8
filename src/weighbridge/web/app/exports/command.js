// The line of the command line that gives the same answer.
import { field, fieldsOf } from '../state/question.js';

/** @typedef {import('../state/question.js').Question} Question */

/** Flags of what is asked for beside an answer. @type {Record<string, string>} */
const BESIDE = { explain: '--explain', timeline: '--chart', tree: '--tree', users: '--chart', curves: '--curves' };

/** The command; empty where the question holds what no line of words does: fields that were typed, files. @param {Question} question */
export function commandOf({ ask, model, models, words, options, with: beside = [], files, held }) {
  const named = models ?? (model === undefined ? [] : [model]);
  if (files || held || named.some((one) => typeof one !== 'string')) return '';
  const known = new Set(fieldsOf(ask).map(({ name }) => name));
  const flags = Object.entries(options).filter(([name]) => known.has(name)).flatMap(([name, value]) => flagsOf(ask, name, value));
  const parts = ['weighbridge', ask, ...named.map((name) => quoted(String(name))), ...flags, ...beside.map((name) => BESIDE[name]), '--json'];
  return [...parts, ...(words ? ['--', words.replace(/\s*\\?\n\s*/g, ' ').trim()] : [])].join(' ');
}

/** An option as words. @param {string} ask @param {string} name @param {unknown} value @returns {string[]} */
function flagsOf(ask, name, value) {
  const flag = name.replaceAll('_', '-');
  if (value === true) return [`--${flag}`];
  if (value === false) return field(ask, name).default === false ? [] : [`--no-${flag}`];
  const values = Array.isArray(value) ? value : [value];
  return values.filter((one) => one !== null && one !== undefined).map((one) => `--${flag} ${quoted(String(one))}`);
}

/** A word as a shell takes it. @param {string} word */
const quoted = (word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`);
