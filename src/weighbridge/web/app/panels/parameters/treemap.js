// Where the parameters are, as areas.
import { html } from '../../html.js';
import { t } from '../../i18n/language.js';
import { Chart } from '../../charts/chart.js';
import { KIND_ORDER, kindColour, styled } from '../../charts/colours.js';
import { exact, percent, short } from '../../format/number.js';
import { Figure } from '../../drawer/figure.js';
import { kindName, rowsOf } from './tree.js';

/** @param {{answer: any}} props */
export function Treemap({ answer }) {
  const { tree, parameters, model } = answer;
  const there = KIND_ORDER.filter((kind) => parameters.by_kind[kind]);
  return html`<section class="view">
    <h2>${t('params.where')}</h2>
    <${Chart} name=${`${model.name}-parameters`} label=${described(there, parameters)} of=${answer} height=${320}
      option=${() => ({ series: [series(tree, parameters.total)], tooltip: { formatter: (/** @type {any} */ at) => at.name && `${at.name}\n${exact(at.value)} · ${percent(at.value / parameters.total)}` } })} />
    <ul class="legend">${there.map((kind) => html`<li key=${kind}><i style=${{ background: kindColour(kind) }}></i>${kindName(kind)} <b><${Figure} of=${`kind ${kind}`} label=${`${kindName(kind)} ${exact(parameters.by_kind[kind])}`}>${percent(parameters.by_kind[kind] / parameters.total)}<//></b></li>`)}</ul>
  </section>`;
}

/** The picture in words. @param {string[]} kinds @param {any} parameters */
const described = (kinds, parameters) =>
  `${t('params.where')}: ${kinds.map((kind) => `${kindName(kind)} ${percent(parameters.by_kind[kind] / parameters.total)}`).join(', ')}`;

/** @param {import('./tree.js').Node} tree @param {number} total */
function series(tree, total) {
  const text = (/** @type {any} */ at) => `${at.name}  ${short(at.value)}`;
  return {
    type: 'treemap',
    animation: false, // another model has other areas: nothing moves from one to the other
    roam: false,
    nodeClick: false,
    breadcrumb: { show: false },
    left: 0, right: 0, top: 0, bottom: 0,
    visibleMin: 40,
    itemStyle: { borderColor: styled('--ground'), borderWidth: 1, gapWidth: 1, borderRadius: 3 },
    label: { formatter: (/** @type {any} */ at) => `${at.name}\n${short(at.value)}`, color: '#000', overflow: 'truncate', fontSize: 12, lineHeight: 16, position: 'insideTopLeft' },
    upperLabel: { show: true, height: 22, formatter: text, color: styled('--ink'), overflow: 'truncate', fontSize: 12 },
    levels: [{ itemStyle: { gapWidth: 4, borderWidth: 0 }, upperLabel: { show: false } }],
    data: rowsOf(tree).filter(({ node }) => !node.apart).map((row) => area(row, total)),
  };
}

/** A row as an area; small parts are not divided. @param {import('./tree.js').Row} row @param {number} total @returns {any} */
function area(row, total) {
  const inside = row.children.filter(({ node, total: size }) => !node.apart && size > 0);
  const open = inside.length > 1 && row.total > total / 200 && row.depth < 3;
  const color = kindColour(row.node.kind);
  if (!open) return { name: row.name, value: row.total, itemStyle: { color } };
  const ground = styled('--paper');
  return { name: row.name, value: row.total, itemStyle: { color: ground, borderColor: ground, gapWidth: 2 }, children: inside.map((child) => area(child, total)) };
}
