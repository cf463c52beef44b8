// Things side by side: a column each, a row per figure; what differs stands out, the best of a row is marked.
import { useState } from 'preact/hooks';
import { html } from '../../html.js';
import { t } from '../../i18n/language.js';
import { three } from '../../format/number.js';
import { Figure } from '../../drawer/figure.js';
import { Table } from '../shared/table.js';

/**
 * @typedef {object} Row
 * @property {string} name
 * @property {(one: any) => any} of the value
 * @property {(value: any) => any} [say] the value in words
 * @property {'more' | 'less'} [better]
 * @property {boolean} [times] show how many times the first one's
 * @property {(place: number) => string | null} [explain] the figure behind the value
 */

/**
 * @param {object} props
 * @param {string} props.title
 * @param {string} props.file
 * @param {string[]} props.names
 * @param {any[]} props.things
 * @param {Row[]} props.rows
 * @param {any} [props.children]
 */
export function SideBySide({ title, file, names, things, rows, children }) {
  const [only, show] = useState(false);
  const there = rows.map((row) => ({ row, found: things.map((one) => row.of(one)) })).filter(({ found }) => found.some((value) => value !== null && value !== undefined));
  const lines = there.filter(({ found }) => !only || differs(found)).map(({ row, found }) => ({ key: row.name, cells: [row.name, ...found.map((value, place) => cell(row, found, value, place))] }));
  return html`<${Table} title=${title} file=${file} lines=${lines} columns=${[{ name: t('compare.figure') }, ...names.map((name) => ({ name, number: true }))]}>
    ${children}
    ${things.length > 1 && html`<p class="hint"><label class="only"><input type="checkbox" checked=${only} onChange=${(/** @type {any} */ e) => show(e.currentTarget.checked)} /> ${t('compare.only')}</label></p>`}<//>`;
}

/** @param {any[]} found */
const differs = (found) => new Set(found.map(String)).size > 1;

/** Whether a value is another than more than half have. @param {any[]} found @param {any} value */
function stands(found, value) {
  const times = (/** @type {any} */ one) => found.filter((other) => String(other) === String(one)).length;
  const most = Math.max(...found.map(times));
  return 2 * most > found.length && times(value) < most;
}

/** @param {Row} row @param {any[]} found @param {any} value @param {number} place */
function cell({ name, say = String, better, times, explain }, found, value, place) {
  if (value === null || value === undefined) return { raw: null, text: '–' };
  const numbers = found.filter((one) => typeof one === 'number');
  const best = better && numbers.length > 1 && differs(found) && value === (better === 'more' ? Math.max(...numbers) : Math.min(...numbers));
  const factor = times && place > 0 && found[0] && value !== found[0] ? t('compare.times', { times: three(Number(value) / Number(found[0])) }) : '';
  const of = explain?.(place);
  const kind = found.length < 2 ? '' : !differs(found) ? 'same' : best ? 'best' : stands(found, value) ? 'differs' : '';
  const said = say(value);
  return { raw: typeof value === 'boolean' ? String(value) : value, text: html`<span class=${kind} title=${best ? t('compare.best') : undefined}>${of ? html`<${Figure} of=${of} label=${`${name}: ${said}`}>${said}<//>` : said}${best && html`<span class="hidden"> (${t('compare.best')})</span>`}</span>${factor && html`<span class="span">${factor}</span>`}` };
}
