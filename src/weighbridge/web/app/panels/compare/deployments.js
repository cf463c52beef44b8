// Deployments: every model on every cluster in every format, by what it costs and how fast it is.
import { html } from '../../html.js';
import { t } from '../../i18n/language.js';
import { Chart } from '../../charts/chart.js';
import { SERIES, styled } from '../../charts/colours.js';
import { binary, dollars, exact, seconds, three } from '../../format/number.js';
import { Figure } from '../../drawer/figure.js';
import { Table } from '../shared/table.js';

const MARKS = ['circle', 'rect', 'triangle', 'diamond', 'pin', 'arrow', 'emptyCircle', 'emptyRect'];

/** @param {{answer: any, question: any}} props */
export function Deployments({ answer, question }) {
  const rows = placed(answer.deployments, question);
  const priced = rows.filter((/** @type {any} */ one) => one.dollars_per_million_output !== null && one.tokens_per_second_per_user !== null);
  const best = priced.reduce((/** @type {any} */ a, /** @type {any} */ b) => (a && a.dollars_per_million_output <= b.dollars_per_million_output ? a : b), null);
  const fits = rows.filter((/** @type {any} */ one) => one.fits).length;
  return html`<div class="sentence"><p class="of">${t('compare.deployments.of', { count: rows.length, fits })}</p>
    ${best ? html`<p class="large"><${Figure} of=${`${best.of}:dollars_per_million_output`} label=${best.name}>${dollars(best.dollars_per_million_output)}<//> <span>${t('compare.cheapest', { deployment: best.name })}</span></p>` : html`<p class="verdict bad">${t('compare.nothing')}</p>`}</div>
    ${priced.length > 1 && html`<${Picture} rows=${priced} />`}
    <${All} rows=${rows} best=${best} />`;
}

/** Rows with the cluster and the format that each is the answer for: models by clusters by formats, in this order. @param {any[]} rows @param {any} question */
function placed(rows, { options }) {
  const formats = String(options.quant ?? 'published').split(',');
  return rows.map((one, place) => {
    const cluster = Math.floor(place / formats.length) % options.cluster.length;
    const model = Math.floor(place / (formats.length * options.cluster.length));
    const on = options.cluster[cluster];
    return { ...one, on, name: `${one.model} · ${on} · ${one.quantisation}`, of: `deployment:${model}:${cluster}:${formats[place % formats.length]}` };
  });
}

/** @param {{rows: any[]}} props */
function Picture({ rows }) {
  const title = t('compare.scatter');
  const label = `${title}: ${rows.map((one) => `${one.name} ${three(one.tokens_per_second_per_user)}, ${dollars(one.dollars_per_million_output)}`).join('; ')}`;
  return html`<section class="view"><h2>${title}</h2><p class="hint">${t('compare.scatter.hint')}</p>
    <${Chart} name="compare-deployments" label=${label} of=${JSON.stringify(rows)} height=${360} option=${() => option(rows)} /></section>`;
}

/** @param {any[]} rows @returns {any} */
function option(rows) {
  const models = [...new Set(rows.map(({ model }) => model))];
  const formats = [...new Set(rows.map(({ quantisation }) => quantisation))];
  const groups = [...new Set(rows.map(({ model, quantisation }) => `${model} · ${quantisation}`))];
  return {
    grid: { left: 8, right: 24, top: 60, bottom: 30, containLabel: true },
    legend: { top: 0, type: 'scroll', itemWidth: 12, itemHeight: 12 },
    tooltip: { trigger: 'item', formatter: (/** @type {any} */ { data }) => `${data.name}\n${t('serve.rate', { rate: three(data.value[0]) })}\n${dollars(data.value[1])}` },
    xAxis: { type: 'value', scale: true, name: t('serve.user'), nameLocation: 'middle', nameGap: 26 },
    yAxis: { type: 'value', scale: true, min: 0, name: t('serve.million'), nameTextStyle: { align: 'left' }, axisLabel: { formatter: (/** @type {number} */ v) => dollars(v) } },
    series: groups.map((group) => {
      const own = rows.filter(({ model, quantisation }) => `${model} · ${quantisation}` === group);
      return { name: group, type: 'scatter', symbolSize: 13, symbol: MARKS[formats.indexOf(own[0].quantisation) % MARKS.length], itemStyle: { color: SERIES[models.indexOf(own[0].model) % SERIES.length] },
        label: { show: rows.length <= 24, position: 'right', color: styled('--soft'), fontSize: 11, formatter: (/** @type {any} */ { data }) => data.on },
        labelLayout: { hideOverlap: true }, data: own.map((one) => ({ name: one.name, on: one.on, value: [one.tokens_per_second_per_user, one.dollars_per_million_output] })) };
    }),
  };
}

/** @param {{rows: any[], best: any}} props */
function All({ rows, best }) {
  const cell = (/** @type {number | null} */ value, /** @type {(value: number) => any} */ say) => ({ raw: value, text: value === null ? '–' : say(value) });
  const figure = (/** @type {any} */ one, /** @type {string} */ name, /** @type {string} */ key, /** @type {(value: number) => string} */ say) => (/** @type {number} */ value) => html`<${Figure} of=${`${one.of}:${name}`} label=${`${one.name}, ${t(key)}: ${say(value)}`}>${say(value)}<//>`;
  const numbers = ['serve.weights', 'serve.needed', 'serve.users', 'serve.longest', 'serve.ttft', 'serve.tpot', 'serve.user', 'serve.gpu', 'serve.million'];
  return html`<${Table} title=${t('compare.deployments')} file="compare-deployments" columns=${[{ name: t('compare.deployment') }, ...numbers.map((key) => ({ name: t(key), number: true })), { name: t('compare.reason') }]}
    lines=${rows.map((one) => ({ key: one.of, mark: one === best, cells: [one.name, cell(one.weights_bytes, figure(one, 'weights', 'serve.weights', binary)), cell(one.total_bytes, (v) => html`<span class=${one.fits === false ? 'bad' : ''}>${figure(one, 'total', 'serve.needed', binary)(v)}</span>`), cell(one.max_batch, figure(one, 'users', 'serve.users', exact)),
      cell(one.longest_context, figure(one, 'longest_context', 'serve.longest', exact)), cell(one.ttft_seconds, figure(one, 'ttft', 'serve.ttft', seconds)), cell(one.tpot_seconds, figure(one, 'tpot', 'serve.tpot', seconds)), cell(one.tokens_per_second_per_user, figure(one, 'tokens_per_second_per_user', 'serve.user', three)),
      cell(one.tokens_per_second_per_gpu, figure(one, 'tokens_per_second_per_gpu', 'serve.gpu', (v) => exact(Math.round(v)))), cell(one.dollars_per_million_output, figure(one, 'dollars_per_million_output', 'serve.million', dollars)), { raw: one.reason, text: html`<span class="small" lang="en">${one.reason}</span>` }] }))} />`;
}
