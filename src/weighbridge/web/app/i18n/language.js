// The language of the page: chosen by the reader, else the browser's.
import { WORDS } from './words.js';

/** @typedef {'en' | 'zh-CN' | 'zh-TW'} Language */

/** Languages, each by its own name. @type {[Language, string][]} */
export const LANGUAGES = [['en', 'English'], ['zh-CN', '简体中文'], ['zh-TW', '繁體中文']];

const PLACES = { en: 0, 'zh-CN': 1, 'zh-TW': 2 };
const STORED = 'weighbridge-language';

/** @type {Language} */
let language = chosen();
document.documentElement.lang = language;

/** @returns {Language} */
function chosen() {
  const kept = localStorage.getItem(STORED);
  for (const tag of [kept, ...navigator.languages]) {
    if (!tag) continue;
    if (/^zh\b.*(TW|HK|MO|Hant)/i.test(tag)) return 'zh-TW';
    if (/^zh/i.test(tag)) return 'zh-CN';
    if (/^en/i.test(tag)) return 'en';
  }
  return 'en';
}

export const spoken = () => language;

/** Speak another language from now on. @param {Language} next */
export function speak(next) {
  language = next;
  localStorage.setItem(STORED, next);
  document.documentElement.lang = next;
}

/**
 * Words in the language, with values put in for {names}.
 * @param {string} key
 * @param {Record<string, string | number>} [values]
 */
export function t(key, values = {}) {
  const row = WORDS[key];
  if (!row) throw new Error(`no words for ${key}`);
  return row[PLACES[language]].replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? `{${name}}`));
}

/**
 * The same where values are more than words, such as figures that open their formula: a list of words and values.
 * @param {string} key
 * @param {Record<string, any>} values
 * @returns {any[]}
 */
export const woven = (key, values) => t(key).split(/\{(\w+)\}/).map((part, place) => (place % 2 ? values[part] : part));

/** Whether there are words for a key. @param {string} key */
export const worded = (key) => key in WORDS;
