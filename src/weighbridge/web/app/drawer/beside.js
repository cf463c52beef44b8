// Tables that stand beside a derivation: what a GPU holds, or where its seconds go, as the command line prints them.
import { html } from '../html.js';
import { said } from '../i18n/phrasebook.js';
import { Said } from '../i18n/said.js';

/** @typedef {import('../panels/panel.js').Beside} Table */

/** What is no name: sizes, times, shares. @param {string} text */
const number = (text) => /^[\d.,]+( |$|%)/.test(text);

/** @param {{tables: Table[]}} props */
export function Beside({ tables }) {
  return tables.map(({ title, columns, rows, remark }) => html`<section class="beside">
    <${Said} of="h3" text=${title} />
    <div class="scroll" tabindex="0" role="region" aria-label=${said(title)}><table>
      <thead><tr>${columns.map((name, place) => html`<${Said} of="th" scope="col" class=${number(rows[0]?.[place] ?? '') ? 'number' : ''} text=${name} />`)}</tr></thead>
      <tbody>${rows.map((cells) => html`<tr>${cells.map((cell, place) => (place ? html`<${Said} of="td" class=${number(cell) ? 'number' : ''} text=${cell} />` : html`<${Said} of="th" scope="row" class=${cell.startsWith(' ') ? 'inside' : ''} text=${cell} />`))}</tr>`)}</tbody>
    </table></div>
    ${remark && html`<${Said} of="p" class="note" text=${remark} />`}</section>`);
}
