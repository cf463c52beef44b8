// Models side by side: sizes, bytes, FLOPs; a picture of one of these.
import { useState } from 'preact/hooks';
import { html } from '../../html.js';
import { Said } from '../../i18n/said.js';
import { t } from '../../i18n/language.js';
import { Chart } from '../../charts/chart.js';
import { SERIES, styled } from '../../charts/colours.js';
import { decimal, exact, short, three } from '../../format/number.js';
import { EXPLAINED } from './explain.js';
import { SideBySide } from './side.js';

/** Figures that are drawn. */
const DRAWN = ['parameters', 'active', 'bytes', 'forward_flops', 'training_flops'];

/** From so many times on the smallest would not be seen beside the largest: the axis is logarithmic. */
const FAR = 50;

/** Figures of the table, in its order. */
const SHOWN = ['family', 'parameters', 'active', 'embedding', 'bytes', 'forward_flops', 'training_flops', 'layers', 'hidden', 'heads', 'kv_heads', 'vocabulary'];

/** @param {{answer: any, question: any, explained?: boolean}} props */
export function Models({ answer: { models }, question, explained = true }) {
  const [drawn, draw] = useState('parameters');
  const say = (/** @type {string} */ key) => (key === 'bytes' ? decimal : short);
  const rows = SHOWN.map((key) => ({
    name: t(`compare.row.${key}`), of: (/** @type {any} */ one) => one[key], say: key === 'family' ? (/** @type {string} */ v) => html`<${Said} text=${v} />` : exact, times: key in EXPLAINED,
    explain: (/** @type {number} */ place) => (explained && key in EXPLAINED ? `model:${place}:${key}` : null),
  }));
  const names = models.map((/** @type {any} */ one) => one.model);
  const title = t('compare.chart', { figure: t(`compare.row.${drawn}`) });
  const label = `${title}: ${models.map((/** @type {any} */ one) => `${one.model} ${say(drawn)(one[drawn])}`).join(', ')}`;
  return html`<${Sentence} models=${models} />
    <section class="view"><header><h2>${title}</h2>
      <select aria-label=${t('compare.drawn')} onChange=${(/** @type {any} */ e) => draw(e.currentTarget.value)}>${DRAWN.map((key) => html`<option key=${key} value=${key} selected=${key === drawn}>${t(`compare.row.${key}`)}</option>`)}</select></header>
      ${far(models, drawn) && html`<p class="hint">${t('compare.logarithmic')}</p>`}
      <${Chart} name=${`compare-${drawn}`} label=${label} of=${`${drawn} ${JSON.stringify(models)}`} height=${Math.max(120, 44 + 38 * models.length)} option=${() => option(models, drawn, say(drawn))} /></section>
    <${SideBySide} title=${t('compare.models')} file=${`compare-models-${question.models.length}`} names=${names} things=${models} rows=${rows} />`;
}

/** @param {{models: any[]}} props */
function Sentence({ models }) {
  const order = [...models].sort((a, b) => Number(a.parameters) - Number(b.parameters));
  const [least, most] = [order[0], order[order.length - 1]];
  return html`<div class="sentence"><p class="of">${t('compare.sentence.of', { count: models.length })}</p>
    ${models.length > 1
      ? html`<p class="large">${three(Number(most.parameters) / Number(least.parameters))} <span>${t('compare.sentence', { most: most.model, least: least.model })}</span></p>`
      : html`<p class="large">${short(least.parameters)} <span>${t('params.parameters')}</span></p>`}
    <p class="also">${order.map((one) => `${one.model} ${short(one.parameters)}`).join(' · ')}</p></div>`;
}

/** Whether the largest is so far from the smallest. @param {any[]} models @param {string} key */
function far(models, key) {
  const values = models.map((one) => Number(one[key]));
  return Math.max(...values) > FAR * Math.min(...values);
}

/** @param {any[]} models @param {string} key @param {(value: number) => string} say @returns {any} */
function option(models, key, say) {
  const values = models.map((one) => Number(one[key]));
  const wide = far(models, key);
  return {
    grid: { left: 8, right: 70, top: 8, bottom: 8, containLabel: true },
    tooltip: { formatter: (/** @type {any} */ { name, value }) => `${name}\n${say(value)} (${exact(value)})` },
    xAxis: { type: wide ? 'log' : 'value', ...(wide && { min: 10 ** Math.floor(Math.log10(Math.min(...values)) - 0.3), minorSplitLine: { show: false } }), axisLabel: { formatter: (/** @type {number} */ v) => (v ? say(v) : '0'), hideOverlap: true } },
    yAxis: { type: 'category', inverse: true, data: models.map(({ model }) => model), axisTick: { show: false } },
    series: [{ type: 'bar', barMaxWidth: 26, itemStyle: { color: SERIES[0] }, label: { show: true, position: 'right', color: styled('--ink'), formatter: (/** @type {any} */ { value }) => say(value) }, data: values }],
  };
}
