// The modules as a folded table that can be sorted.
import { useState } from 'preact/hooks';
import { html } from '../../html.js';
import { t } from '../../i18n/language.js';
import { exact, percent } from '../../format/number.js';
import { csv, save } from '../../format/save.js';
import { kindColour } from '../../charts/colours.js';
import { Figure } from '../../drawer/figure.js';
import { kindName, rowsOf } from './tree.js';

/** @typedef {import('./tree.js').Row} Row */

/** Columns, and what they sort by. @type {[string, ((row: Row) => number) | null][]} */
const COLUMNS = [
  ['params.module', null],
  ['params.count', (row) => row.times],
  ['params.each', (row) => row.node.each],
  ['params.sum', (row) => row.total],
  ['params.share', (row) => row.total],
];

/** @param {{answer: any}} props */
export function ModuleTable({ answer }) {
  const [open, setOpen] = useState(/** @type {Set<string>} */ (new Set()));
  const [sorted, sort] = useState(0);
  const { tree, parameters, model } = answer;
  const all = rowsOf(tree);
  const whole = paths(all);
  const opened = open.size >= whole.length;
  const rows = visible(all, open, COLUMNS[sorted][1]);
  const toggle = (/** @type {string} */ path) => {
    const next = new Set(open);
    if (!next.delete(path)) next.add(path);
    setOpen(next);
  };
  return html`<section class="view">
    <header><h2>${t('params.modules')}</h2>
      <button type="button" class="quiet" onClick=${() => setOpen(new Set(opened ? [] : whole))}>${t(opened ? 'table.close.all' : 'table.open.all')}</button>
      <button type="button" class="quiet" onClick=${() => save(`${model.name}-modules.csv`, 'text/csv', csv(cells(all, parameters.total)))}>${t('table.csv')}</button>
    </header>
    <div class="scroll" tabindex="0" role="region" aria-label=${t('params.modules')}><table>
      <thead><tr>${COLUMNS.map(([key], place) => html`<th scope="col" aria-sort=${place === sorted && place ? 'descending' : undefined} class=${place ? 'number' : ''}>
        <button type="button" onClick=${() => sort(place)} title=${t('table.sort', { column: t(key) })}>${t(key)}${place === sorted && place ? ' ↓' : ''}</button></th>`)}</tr></thead>
      <tbody>${rows.map((row) => html`<${Line} key=${row.path} row=${row} total=${parameters.total} open=${open.has(row.path)} toggle=${toggle} />`)}
        <tr class="total"><th scope="row">${t('params.all')}</th><td></td><td></td><td class="number"><${Figure} of="total">${exact(parameters.total)}<//></td><td class="number">${percent(1)}</td></tr></tbody>
    </table></div>
  </section>`;
}

/** @param {{row: Row, total: number, open: boolean, toggle: (path: string) => void}} props */
function Line({ row, total, open, toggle }) {
  const { node, path, depth, name } = row;
  const label = t(open ? 'table.close' : 'table.open', { name });
  return html`<tr class=${node.apart ? 'apart' : ''}>
    <th scope="row" style=${{ paddingInlineStart: `${0.5 + depth * 1.1}rem` }}>
      ${row.children.length ? html`<button type="button" class="fold" aria-expanded=${open} aria-label=${label} onClick=${() => toggle(path)}>${open ? '▾' : '▸'}</button>` : html`<span class="fold"></span>`}
      <i class="dot" style=${{ background: kindColour(node.kind) }} title=${kindName(node.kind)}></i><span lang="en" translate=${false}>${name}</span></th>
    <td class="number">${exact(row.times)}</td><td class="number"><${Explained} of=${`each ${path}`} value=${node.each}/></td>
    <td class="number"><${Explained} of=${`all ${path}`} value=${row.total}/></td><td class="number">${node.apart ? '' : percent(row.total / total)}</td>
  </tr>`;
}

/** A count that opens its formula; none for nothing. @param {{of: string, value: number}} props */
function Explained({ of, value }) {
  return value ? html`<${Figure} of=${of}>${exact(value)}<//>` : exact(value);
}

/** Rows that are to be seen, siblings sorted. @param {Row[]} rows @param {Set<string>} open @param {((row: Row) => number) | null} by @returns {Row[]} */
function visible(rows, open, by) {
  const order = by ? [...rows].sort((a, b) => by(b) - by(a)) : rows;
  return order.flatMap((row) => [row, ...(open.has(row.path) ? visible(row.children, open, by) : [])]);
}

/** @param {Row[]} rows @returns {string[]} */
const paths = (rows) => rows.flatMap((row) => (row.children.length ? [row.path, ...paths(row.children)] : []));

/** @typedef {(string | number)[]} Cells */

/** @param {Row[]} rows @param {number} total @returns {Cells[]} */
function cells(rows, total) {
  return [['module', 'class', 'kind', 'count', 'each', 'parameters', 'share'], ...below(rows, total)];
}

/** @param {Row[]} rows @param {number} total @returns {Cells[]} */
function below(rows, total) {
  return rows.flatMap((row) => {
    const { path, node, times } = row;
    return [[path, node.module, node.kind, times, node.each, row.total, row.total / total], ...below(row.children, total)];
  });
}
