// What Python says, in the language of the page: phrases, each with what is put into it, which may be phrases again.
import { spoken } from './language.js';

/** @typedef {[string] | [string, string, string]} Row English, 简体中文, 繁體中文; English alone stays as it was published */
/**
 * ``pieces``: what stands between the values of {1}, {2} ...; ``typed``: which of the values a reader would type as they are.
 * @typedef {{pieces: string[], typed: boolean[], letters: number, said: string}} Phrase
 */

/** How deep phrases stand in each other at most. */
const DEPTH = 8;
/** Texts that are remembered. */
const MOST = 4000;

/** What separates phrases that stand side by side, and how that is written in Chinese; what binds least comes first. @type {[string, string][]} */
const BETWEEN = [['; ', '；'], ['. ', '。'], [': ', '：'], [', ', '，'], [' × ', ' × '], [' x ', ' × ']];

/** What stands before values that a reader may type: words among them are names. */
const TYPED = /(allowed|allowed are|did you mean|expected|one of|nearest|choose)[^a-z]*$/;

/** Letters of phrases that only join others ("{1} or {2}"): they bind closer than what separates. */
const JOINING = 4;

/** @type {Phrase[]} */
let phrases = [];
/** @type {Phrase[]} */
let joining = [];
/** @type {Map<string, string>} */
let whole = new Map();
/** @type {Map<string, string>} */
const known = new Map();

/** Have the phrases of the page's language at hand; English needs none. @returns {Promise<void>} */
export async function learn() {
  known.clear();
  const column = { en: 0, 'zh-CN': 1, 'zh-TW': 2 }[spoken()];
  const rows = column ? (await import('./said/phrases.js')).PHRASES : [];
  const all = rows.flatMap((row) => [phraseOf(row[0], row[column] ?? row[0]), ...(row[0].includes('--') ? [phraseOf(asFields(row[0]), asFields(row[column] ?? row[0]))] : [])]);
  whole = new Map(all.filter(({ pieces }) => pieces.length === 1).map(({ pieces, said }) => [pieces[0], said]));
  const open = all.filter(({ pieces }) => pieces.length > 1).sort((a, b) => b.letters - a.letters);
  [phrases, joining] = [open.filter(({ letters }) => letters > JOINING), open.filter(({ letters }) => letters <= JOINING)];
}

/** Options as answers name them: fields of a question. @param {string} text */
const asFields = (text) => text.replace(/--([a-z][a-z0-9-]*)/g, (_, name) => name.replaceAll('-', '_'));

/** @param {string} english @param {string} said @returns {Phrase} */
function phraseOf(english, said) {
  const pieces = english.split(/\{\d+\}/);
  return { pieces, typed: pieces.slice(0, -1).map((piece) => TYPED.test(piece)), letters: pieces.join('').replace(/[^a-z]/gi, '').length, said };
}

/** A text of Python's in the language of the page; what has phrases for a part of it alone stays as it is. @param {string} text */
export function said(text) {
  if (!whole.size) return text;
  const there = known.get(text);
  if (there !== undefined) return there;
  if (known.size > MOST) known.clear();
  const [, before, bare, after] = /** @type {string[]} */ (/^(\s*)(.*?)(\s*)$/s.exec(text));
  const told = spokenOf(bare, { depth: 0, typed: false });
  const found = english(told) ? text : before + told + after;
  known.set(text, found);
  return found;
}

/** Whether a text holds English, not only names. @param {string} text */
export const english = (text) => /\b(the|and|with|from|that|are|not|of|to|in|is|than|each|which|by|for) [a-z\d]|(?<![\w-])[a-z]{2,} [a-z]{2,} [a-z]{2,}/.test(text);

/** @typedef {{depth: number, typed: boolean}} Inside how deep a text stands in others, and whether a reader may type it */

/** @param {string} text @param {Inside} inside @returns {string} */
function spokenOf(text, inside) {
  if (!/[a-z]{2,}/i.test(text) || inside.depth > DEPTH || (inside.typed && !text.includes(' '))) return text;
  const exact = whole.get(text);
  if (exact !== undefined) return exact;
  if (text.includes(' · ')) return text.split(' · ').map((part) => spokenOf(part, deeper(inside))).join(' · ');
  const field = /^([\w./-]+): (.+)$/s.exec(text);
  const [all, after] = [among(phrases, text), field && (alone(field[2]) ?? among(phrases, field[2]))];
  if (after && after.phrase.letters > (all?.phrase.letters ?? 0)) return `${spokenOf(/** @type {any} */ (field)[1], deeper(inside))}：${filled(after, inside)}`;
  if (all) return filled(all, inside);
  const joined = sideBySide(text, inside);
  if (joined) return joined;
  const last = among(joining, text);
  return last ? filled(last, inside) : placed(text, inside);
}

/** @typedef {{phrase: Phrase, values: string[]}} Found */

/** A text as the first of some phrases that it is; ``null`` if it is none of them. @param {Phrase[]} some @param {string} text @returns {Found | null} */
function among(some, text) {
  for (const phrase of some) {
    const values = valuesOf(text, phrase.pieces);
    if (values) return { phrase, values };
  }
  return null;
}

/** A phrase into which nothing is put. @param {string} text @returns {Found | null} */
function alone(text) {
  const words = whole.get(text);
  return words === undefined ? null : { phrase: phraseOf(text, words), values: [] };
}

/** @param {Found} found @param {Inside} inside */
const filled = ({ phrase, values }, inside) =>
  phrase.said.replace(/\{(\d+)\}/g, (_, number) => spokenOf(values[number - 1].trim(), deeper(inside, phrase.typed[number - 1])));

/** @param {Inside} inside @param {boolean} [typed] @returns {Inside} */
const deeper = (inside, typed = false) => ({ depth: inside.depth + 1, typed: inside.typed || typed });

/** What stands in the places of a phrase; ``null`` if the text is not that phrase. @param {string} text @param {string[]} pieces */
function valuesOf(text, pieces) {
  const [first, last] = [pieces[0], pieces[pieces.length - 1]];
  if (!text.startsWith(first) || !text.endsWith(last) || text.length < first.length + last.length) return null;
  const values = [];
  let at = first.length;
  const end = text.length - last.length;
  for (const piece of pieces.slice(1, -1)) {
    const next = piece ? text.indexOf(piece, at) : besideOf(text, at, end);
    if (next < 0 || next + piece.length > end) return null;
    values.push(text.slice(at, next));
    at = next + piece.length;
  }
  values.push(text.slice(at, end));
  return values.every(closed) ? values : null;
}

/** Whether as many brackets close as open: what is put in is whole. @param {string} text */
const closed = (text) => text.split('(').length === text.split(')').length;

/** Where one of two values that touch ends: the second begins with what separates, or is empty. @param {string} text @param {number} at @param {number} end */
function besideOf(text, at, end) {
  const next = text.indexOf(BETWEEN[0][0], at);
  return next < 0 || next > end ? end : next;
}

/** Phrases side by side; ``null`` if there are none. @param {string} text @param {Inside} inside */
function sideBySide(text, inside) {
  for (const [english, chinese] of BETWEEN) {
    const parts = text.split(english);
    const heard = parts.length > 1 ? parts.map((part) => spokenOf(part, deeper(inside))) : parts;
    if (heard.some((part, place) => part !== parts[place])) return heard.join(chinese);
  }
  return null;
}

/** A phrase after a number, or one with another in brackets after it. @param {string} text @param {Inside} inside */
function placed(text, inside) {
  const counted = /^([\d.,]+ )(.+)$/.exec(text);
  if (counted) return counted[1] + spokenOf(counted[2], deeper(inside));
  const bracket = /^(.+) \((.+)\)$/.exec(text);
  if (!bracket) return text;
  const [before, within] = [spokenOf(bracket[1], deeper(inside)), spokenOf(bracket[2], deeper(inside))];
  return before === bracket[1] && within === bracket[2] ? text : `${before}（${within}）`;
}
