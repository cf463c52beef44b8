// What more users cost each of them, and what they give the GPU.
import { html } from '../../html.js';
import { t } from '../../i18n/language.js';
import { Chart } from '../../charts/chart.js';
import { SERIES } from '../../charts/colours.js';
import { binary, exact, seconds, short, three } from '../../format/number.js';
import { Figure } from '../../drawer/figure.js';
import { Pictured, Table } from '../shared/table.js';
import { fileOf } from '../training/answer.js';
import { otherwise } from './explain.js';

/** @param {{answer: any}} props */
export function Users({ answer }) {
  const { users, model } = answer;
  const timed = users.filter((/** @type {any} */ one) => one.tpot_seconds !== null);
  const title = t('infer.by.users');
  const cell = (/** @type {any} */ one, /** @type {string} */ figure, /** @type {number | null} */ value, /** @type {(value: number) => string} */ say, bad = false) => ({
    raw: value,
    text: value === null ? '' : html`<span class=${bad ? 'bad' : ''}><${Figure} of=${otherwise({ batch: one.batch }, figure)} label=${t('infer.tip', { users: exact(one.batch) })}>${say(value)}<//>${bad ? ` ${t('infer.not')}` : ''}</span>`,
  });
  const table = html`<${Table} bare=${true} title=${title} file=${fileOf(`${model.name}-users`)}
    columns=${['infer.users', 'infer.ttft', 'infer.tpot', 'infer.user', 'infer.gpu', 'infer.cache', 'infer.needed'].map((key) => ({ name: t(key), number: true }))}
    lines=${users.map((/** @type {any} */ one) => ({ key: String(one.batch), mark: one.batch === answer.load.batch, cells: [
      { raw: one.batch, text: exact(one.batch) }, cell(one, 'ttft', one.ttft_seconds, seconds), cell(one, 'tpot', one.tpot_seconds, seconds),
      cell(one, 'tokens_per_second_per_user', one.tokens_per_second_per_user, three), cell(one, 'tokens_per_second_per_gpu', one.tokens_per_second_per_gpu, (v) => exact(Math.round(v))),
      cell(one, 'kv_cache_of_a_gpu', one.kv_cache, binary), cell(one, 'total', one.total_per_gpu, binary, one.fits === false)] }))} />`;
  if (timed.length < 2) return html`<section class="view"><h2>${title}</h2>${table}</section>`;
  return html`<${Pictured} title=${title} hint=${t('infer.by.users.hint')} table=${table}>
    <${Chart} name=${fileOf(`${model.name}-users`)} label=${`${title}: ${timed.map((/** @type {any} */ one) => `${exact(one.batch)}: ${seconds(one.tpot_seconds)}`).join(', ')}`} of=${answer} height=${300} option=${() => option(timed)} /><//>`;
}

/** @param {any[]} users @returns {any} */
function option(users) {
  const axis = { type: 'log', axisLabel: { hideOverlap: true }, minorSplitLine: { show: false } };
  const line = (/** @type {string} */ key, /** @type {string} */ name, /** @type {number} */ place, right = false) => ({
    name: t(name), type: 'line', yAxisIndex: right ? 1 : 0, symbol: ['circle', 'rect', 'triangle'][place], symbolSize: 6, itemStyle: { color: SERIES[place] }, lineStyle: { type: right ? 'dashed' : 'solid' },
    data: users.map((one) => [one.batch, one[key]]),
  });
  return {
    grid: { left: 8, right: 8, top: 52, bottom: 26, containLabel: true },
    legend: { top: 0, type: 'scroll' },
    tooltip: { trigger: 'axis', formatter: (/** @type {any[]} */ at) => [t('infer.tip', { users: exact(at[0].value[0]) }), ...at.map(({ seriesName, seriesIndex, value }) => `${seriesName}  ${seriesIndex === 2 ? exact(Math.round(value[1])) : seconds(value[1])}`)].join('\n') },
    xAxis: { ...axis, logBase: 4, name: t('infer.users'), nameLocation: 'middle', nameGap: 24, min: users[0].batch, max: users.at(-1).batch, axisLabel: { formatter: (/** @type {number} */ v) => exact(v), hideOverlap: true } },
    yAxis: [
      { ...axis, axisLabel: { formatter: (/** @type {number} */ v) => seconds(v), hideOverlap: true } },
      { ...axis, name: t('infer.gpu'), nameTextStyle: { align: 'right' }, splitLine: { show: false }, axisLabel: { formatter: (/** @type {number} */ v) => short(v), hideOverlap: true } },
    ],
    series: [line('ttft_seconds', 'infer.ttft', 0), line('tpot_seconds', 'infer.tpot', 1), line('tokens_per_second_per_gpu', 'infer.gpu', 2, true)],
  };
}
