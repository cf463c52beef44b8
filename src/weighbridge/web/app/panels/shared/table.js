// A table with a heading, which can be saved as CSV: cells are what people read, `raw` what a spreadsheet gets.
import { html } from '../../html.js';
import { t } from '../../i18n/language.js';
import { csv, save } from '../../format/save.js';

/** @typedef {{text: any, raw?: string | number | bigint | null, mark?: boolean}} Cell */
/** @typedef {{name: string, number?: boolean, csv?: string, first?: boolean}} Column `csv`: its name in a file; `first`: of a group, with a line before it */
/** @typedef {{key: string, cells: (Cell | string | null)[], head?: any, total?: boolean, mark?: boolean}} Line */

/** @param {Cell | string | null} cell */
const shown = (cell) => (cell !== null && typeof cell === 'object' ? cell.text : cell);

/** @param {Cell | string | null} cell @returns {string | number | bigint} */
const raw = (cell) => (cell === null || typeof cell !== 'object' ? cell ?? '' : cell.raw === undefined && typeof cell.text === 'string' ? cell.text : cell.raw ?? '');

/** The looks of a cell. @param {boolean | undefined} number @param {boolean | undefined} first @param {any} [cell] */
const look = (number, first, cell) => [number && 'number', first && 'first', cell?.mark && 'mark'].filter(Boolean).join(' ');

/** @param {Column[]} columns @param {Line[]} lines */
const tableCsv = (columns, lines) => csv([columns.map(({ name, csv: own }) => own ?? name), ...lines.map(({ cells }) => cells.map(raw))]);

/**
 * @param {object} props
 * @param {string} props.title
 * @param {string} props.file name of what is saved
 * @param {Column[]} props.columns the first names the row
 * @param {Line[]} props.lines
 * @param {any} [props.children] what stands between heading and table
 * @param {{name: string, span: number}[]} [props.over] names of groups of columns, above theirs
 * @param {boolean} [props.bare] without a heading: the table behind a picture
 */
export function Table({ title, file, columns, lines, children, over, bare = false }) {
  const button = html`<button type="button" class="quiet" onClick=${() => save(`${file}.csv`, 'text/csv', tableCsv(columns, lines))}>${t('table.csv')}</button>`;
  return html`<div class=${bare ? 'behind' : 'view'}>
    ${!bare && html`<header><h2>${title}</h2>${button}</header>`}
    ${children}
    <div class="scroll" tabindex="0" role="region" aria-label=${title}><table>
      <thead>${over && html`<tr class="over">${over.map(({ name, span }) => (name ? html`<th scope="colgroup" colspan=${span}>${name}</th>` : html`<td colspan=${span}></td>`))}</tr>`}
        <tr>${columns.map(({ name, number, first }) => (name ? html`<th scope="col" class=${look(number, first)}>${name}</th>` : html`<td></td>`))}</tr></thead>
      <tbody>${lines.map(({ key, cells, total, mark }) => html`<tr key=${key} class=${total ? 'total' : mark ? 'mark' : ''}>
        ${cells.map((cell, place) => (place ? html`<td class=${look(columns[place].number, columns[place].first, cell)}>${shown(cell)}</td>` : html`<th scope="row">${shown(cell)}</th>`))}</tr>`)}</tbody>
    </table></div>
    ${bare && button}
  </div>`;
}

/** A view whose table stands folded behind its picture. @param {{title: string, hint?: any, children: any, table: any, actions?: any}} props */
export function Pictured({ title, hint, children, table, actions }) {
  return html`<section class="view"><header><h2>${title}</h2>${actions}</header>
    ${hint && html`<p class="hint">${hint}</p>`}
    ${children}
    <details class="data"><summary>${t('table.behind')}</summary>${table}</details></section>`;
}
