// The optimum by compute: parameters and tokens of every law, solid where it was fitted, dotted beyond, with intervals where they are known.
import { html } from '../../html.js';
import { t } from '../../i18n/language.js';
import { Chart } from '../../charts/chart.js';
import { styled } from '../../charts/colours.js';
import { short } from '../../format/number.js';
import { Pictured, Table } from '../shared/table.js';
import { LawName } from './laws_table.js';
import { lookOf, power } from './looks.js';

/** Every so many points of a curve is a line of the table. */
const EVERY = 8;

/** @param {{answer: any}} props */
export function Frontiers({ answer }) {
  const kinds = /** @type {const} */ (['parameters', 'tokens']);
  return html`<div class="pair">${kinds.map((kind) => html`<${One} key=${kind} kind=${kind} answer=${answer} />`)}
    <ul class="legend">${answer.answers.map((/** @type {any} */ { law: { name } }) => html`<li key=${name}><${LawName} law=${name} /></li>`)}</ul></div>`;
}

/** @param {{answer: any, kind: 'parameters' | 'tokens'}} props */
function One({ answer, kind }) {
  const { curves: { compute, frontiers }, answers } = answer;
  const title = t(`scaling.curve.${kind}`);
  const label = `${title}: ${answers.map((/** @type {any} */ one) => `${one.law.name} ${short((one.optimum ?? one)[kind])}`).join(', ')}`;
  const rows = compute.map((/** @type {number} */ c, /** @type {number} */ place) => ({ c, place })).filter((/** @type {any} */ { place }) => place % EVERY === 0);
  const table = html`<${Table} bare=${true} title=${title} file=${`scaling-optimal-${kind}`} columns=${[{ name: 'FLOPs', number: true }, ...frontiers.map((/** @type {any} */ { law }) => ({ name: law, number: true }))]}
    lines=${rows.map((/** @type {{c: number, place: number}} */ { c, place }) => ({ key: String(place), cells: [{ raw: c, text: power(c) }, ...frontiers.map((/** @type {any} */ one) => ({ raw: one[kind][place], text: short(one[kind][place]) }))] }))} />`;
  return html`<${Pictured} title=${title} hint=${t('scaling.line.hint')} table=${table}>
    <${Chart} name=${`scaling-optimal-${kind}`} label=${label} of=${answer} height=${340} option=${() => option(answer, kind)} /><//>`;
}

/** @param {any} answer @param {'parameters' | 'tokens'} kind @returns {any} */
function option({ curves: { compute, frontiers }, answers, question }, kind) {
  const log = { type: 'log', minorSplitLine: { show: false } };
  const all = frontiers.flatMap((/** @type {any} */ one) => one[kind]);
  const asked = question.compute;
  return {
    grid: { left: 8, right: 20, top: 16, bottom: 30, containLabel: true },
    tooltip: { trigger: 'item', formatter: (/** @type {any} */ { seriesName, value }) => `${seriesName}\n${power(value[0])} FLOPs: ${short(value[1])}` },
    xAxis: { ...log, name: t('scaling.axis.compute'), nameLocation: 'middle', nameGap: 26, min: compute[0], max: compute.at(-1), axisLabel: { formatter: (/** @type {number} */ v) => power(v), hideOverlap: true } },
    yAxis: { ...log, min: 10 ** Math.floor(Math.log10(Math.min(...all))), max: 10 ** Math.ceil(Math.log10(Math.max(...all))), axisLabel: { formatter: (/** @type {number} */ v) => short(v), hideOverlap: true } },
    series: frontiers.flatMap((/** @type {any} */ front, /** @type {number} */ place) => lines(front, compute, kind, answers[place], place === 0 && asked)),
  };
}

/** The series of one law: a dotted line, a solid one where it was fitted, its interval, its answer. @param {any} front @param {number[]} compute @param {'parameters' | 'tokens'} kind @param {any} answer @param {number | false} asked */
function lines(front, compute, kind, answer, asked) {
  const { colour, mark } = lookOf(front.law, styled('--ink'));
  const name = front.law;
  const points = compute.map((c, place) => [c, front[kind][place]]);
  const at = (answer.optimum ?? answer)[kind];
  return [
    { name, type: 'line', symbol: 'none', itemStyle: { color: colour }, lineStyle: { color: colour, type: 'dotted', width: 1.5 }, data: points,
      ...(asked && { markLine: { silent: true, symbol: 'none', lineStyle: { color: styled('--soft'), type: 'dashed', width: 1 }, label: { formatter: `${power(asked)} FLOPs`, color: styled('--soft'), position: 'insideStartTop' }, data: [{ xAxis: asked }] } }) },
    { name, type: 'line', symbol: 'none', silent: true, lineStyle: { color: colour, width: 3 }, data: points.map(([c, value], place) => [c, front.inside[place] ? value : null]) },
    ...(front.intervals.length ? [band(front, compute, kind, colour)] : []),
    { name, type: 'scatter', symbol: mark, symbolSize: 10, itemStyle: { color: colour }, data: [[answer.compute, at]], z: 5 },
  ];
}

/** The interval around a line, as an area. @param {any} front @param {number[]} compute @param {'parameters' | 'tokens'} kind @param {string} colour */
function band(front, compute, kind, colour) {
  const spans = front.intervals.map((/** @type {any} */ one) => one[kind]);
  const ring = [...compute.map((c, place) => [c, spans[place].high]), ...compute.map((c, place) => [c, spans[place].low]).reverse()];
  return {
    name: front.law, type: 'custom', silent: true, itemStyle: { color: colour }, data: [[compute[0], spans[0].low]], clip: true, z: 1,
    renderItem: (/** @type {any} */ _, /** @type {any} */ api) => ({ type: 'polygon', shape: { points: ring.map((point) => api.coord(point)) }, style: { fill: colour, opacity: 0.2 } }),
  };
}
