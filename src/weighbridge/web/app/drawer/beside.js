// Tables that stand beside a derivation: what a GPU holds, or where its seconds go, as the command line prints them.
import { html } from '../html.js';

/** @typedef {import('../panels/panel.js').Beside} Table */

/** What is no name: sizes, times, shares. @param {string} text */
const number = (text) => /^[\d.,]+( |$|%)/.test(text);

/** @param {{tables: Table[]}} props */
export function Beside({ tables }) {
  return tables.map(({ title, columns, rows, remark }) => html`<section class="beside" lang="en">
    <h3>${title}</h3>
    <div class="scroll" tabindex="0" role="region" aria-label=${title}><table>
      <thead><tr>${columns.map((name, place) => html`<th scope="col" class=${number(rows[0]?.[place] ?? '') ? 'number' : ''}>${name}</th>`)}</tr></thead>
      <tbody>${rows.map((cells) => html`<tr>${cells.map((cell, place) => (place ? html`<td class=${number(cell) ? 'number' : ''}>${cell}</td>` : html`<th scope="row" class=${cell.startsWith(' ') ? 'inside' : ''}>${cell}</th>`))}</tr>`)}</tbody>
    </table></div>
    ${remark && html`<p class="note">${remark}</p>`}</section>`);
}
