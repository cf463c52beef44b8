// Loss by parameters, all at the compute of the answer: how flat the optimum is.
import { html } from '../../html.js';
import { t } from '../../i18n/language.js';
import { Chart } from '../../charts/chart.js';
import { styled } from '../../charts/colours.js';
import { short } from '../../format/number.js';
import { Pictured, Table } from '../shared/table.js';
import { lookOf, nats, power } from './looks.js';

/** Every so many points of a curve is a line of the table. */
const EVERY = 6;

/** @param {{answer: any}} props */
export function Valleys({ answer }) {
  const { curves: { valleys }, answers } = answer;
  if (!valleys.length) return null;
  const budgets = new Set(answers.map((/** @type {any} */ one) => one.compute));
  const title = budgets.size === 1 ? t('scaling.valley', { compute: power(answers[0].compute) }) : t('scaling.valley.each');
  const lines = valleys.flatMap((/** @type {any} */ one) => one.parameters.map((/** @type {number} */ size, /** @type {number} */ place) => ({ key: `${one.law} ${place}`, cells: [one.law, { raw: size, text: short(size) }, { raw: one.losses[place], text: nats(one.losses[place]) }] })).filter((/** @type {any} */ _, /** @type {number} */ place) => place % EVERY === 0));
  const table = html`<${Table} bare=${true} title=${title} file="scaling-loss" lines=${lines} columns=${[{ name: t('scaling.law') }, { name: t('scaling.parameters'), number: true }, { name: t('scaling.loss'), number: true }]} />`;
  const label = `${title}: ${valleys.map((/** @type {any} */ one) => `${one.law} ${nats(one.least_loss)} (${short(one.best_parameters)})`).join(', ')}`;
  return html`<${Pictured} title=${title} hint=${t('scaling.valley.hint')} table=${table}>
    <${Chart} name="scaling-loss" label=${label} of=${answer} height=${340} option=${() => option(answer)} /><//>`;
}

/** @param {any} answer @returns {any} */
function option({ curves: { valleys }, answers, question }) {
  /** @type {[number, number][]} */
  const ends = valleys.map((/** @type {any} */ { parameters }) => [parameters[0], parameters.at(-1)]);
  const losses = valleys.flatMap((/** @type {any} */ one) => [one.least_loss, ...one.losses]);
  const low = Math.min(...losses);
  return {
    grid: { left: 8, right: 20, top: 62, bottom: 30, containLabel: true },
    legend: { top: 0, type: 'scroll', icon: 'roundRect', itemWidth: 14, itemHeight: 8 },
    tooltip: { trigger: 'item', formatter: (/** @type {any} */ { seriesName, value }) => `${seriesName}\n${short(value[0])}: ${nats(value[1])}` },
    xAxis: { type: 'log', name: t('scaling.parameters'), nameLocation: 'middle', nameGap: 26, min: Math.min(...ends.map(([least]) => least)), max: Math.max(...ends.map(([, most]) => most)), axisLabel: { formatter: (/** @type {number} */ v) => short(v), hideOverlap: true }, minorSplitLine: { show: false } },
    yAxis: { type: 'value', min: Math.floor(low * 20) / 20, axisLabel: { formatter: (/** @type {number} */ v) => three(v) } },
    series: valleys.flatMap((/** @type {any} */ one, /** @type {number} */ place) => series(one, answers.find((/** @type {any} */ { law }) => law.name === one.law), place === 0 && question.parameters)),
  };
}

/** @param {number} value */
const three = (value) => value.toFixed(2);

/** The series of one law: its curve, its optimum (filled), the model that was asked about (hollow). @param {any} valley @param {any} answer @param {number | false} asked */
function series(valley, answer, asked) {
  const { colour, mark } = lookOf(valley.law, styled('--ink'));
  const dot = { name: valley.law, type: 'scatter', symbol: mark, symbolSize: 10, z: 5 };
  return [
    { name: valley.law, type: 'line', symbol: 'none', itemStyle: { color: colour }, lineStyle: { color: colour, width: 2 }, data: valley.parameters.map((/** @type {number} */ size, /** @type {number} */ place) => [size, valley.losses[place]]),
      ...(asked && { markLine: { silent: true, symbol: 'none', lineStyle: { color: styled('--soft'), type: 'dashed', width: 1 }, label: { formatter: t('scaling.line.size', { size: short(asked) }), color: styled('--soft'), position: 'insideEndTop' }, data: [{ xAxis: asked }] } }) },
    { ...dot, itemStyle: { color: colour }, data: [[valley.best_parameters, valley.least_loss]] },
    ...(answer.optimum && answer.loss !== null ? [{ ...dot, itemStyle: { color: 'transparent', borderColor: colour, borderWidth: 2 }, data: [[answer.parameters, answer.loss]] }] : []),
  ];
}
