// The KV cache as contexts grow, for one sequence and for many, beside the room that weights leave.
import { html } from '../../html.js';
import { t } from '../../i18n/language.js';
import { Chart } from '../../charts/chart.js';
import { SERIES, styled } from '../../charts/colours.js';
import { binary, exact, short } from '../../format/number.js';
import { Figure } from '../../drawer/figure.js';
import { Pictured, Table } from '../shared/table.js';
import { fileOf } from '../training/answer.js';

/** @param {{answer: any}} props */
export function Contexts({ answer }) {
  const { contexts, memory: { pool: room }, model } = answer;
  const title = t('infer.contexts');
  const cell = (/** @type {any} */ one, /** @type {string} */ figure, /** @type {number | null} */ value, /** @type {(value: number) => string} */ say) => ({
    raw: value, text: value === null ? '' : room === null ? say(value) : html`<${Figure} of=${`${figure}_of_${one.tokens}_tokens`} label=${t('infer.tokens', { tokens: exact(one.tokens) })}>${say(value)}<//>` });
  const table = html`<${Table} bare=${true} title=${title} file=${fileOf(`${model.name}-kv-cache`)}
    columns=${[{ name: t('infer.context'), number: true }, { name: t('infer.cache.one'), number: true }, { name: t('infer.fit'), number: true }]}
    lines=${contexts.map((/** @type {any} */ one) => ({ key: String(one.tokens), cells: [{ raw: one.tokens, text: exact(one.tokens) }, cell(one, 'kv_cache', one.kv_cache_bytes_per_sequence, binary), cell(one, 'sequences', one.sequences, exact)] }))} />`;
  return html`<${Pictured} title=${title} hint=${room === null ? '' : room > 0 ? html`<${Figure} of="left_for_cache">${t('infer.contexts.hint', { room: binary(room) })}<//>` : t('infer.contexts.full')} table=${table}>
    <${Chart} name=${fileOf(`${model.name}-kv-cache`)} label=${`${title}: ${contexts.map((/** @type {any} */ one) => `${short(one.tokens)} ${binary(one.kv_cache_bytes_per_sequence)}`).join(', ')}`} of=${answer} height=${320} option=${() => option(contexts, room)} /><//>`;
}

/** @param {any[]} contexts @param {number | null} room @returns {any} */
function option(contexts, room) {
  const least = Math.min(...contexts.map((one) => one.kv_cache_bytes_per_sequence).filter(Boolean));
  return {
    grid: { left: 8, right: 24, top: 40, bottom: 28, containLabel: true },
    legend: { top: 0, type: 'scroll' },
    tooltip: { trigger: 'axis', formatter: (/** @type {any[]} */ at) => [t('infer.tokens', { tokens: exact(at[0].value[0]) }), ...at.map(({ seriesName, value }) => `${seriesName}  ${binary(value[1])}`)].join('\n') },
    xAxis: { type: 'log', logBase: 4, name: t('infer.context'), nameLocation: 'middle', nameGap: 26, min: contexts[0].tokens, max: contexts.at(-1).tokens, axisLabel: { formatter: (/** @type {number} */ v) => short(v), hideOverlap: true } },
    yAxis: { type: 'log', logBase: 16, min: 16 ** Math.floor(Math.log2(least || 1) / 4), axisLabel: { formatter: (/** @type {number} */ v) => binary(v), hideOverlap: true } },
    series: contexts[0].kv_cache.map((/** @type {any} */ { sequences }, /** @type {number} */ place) => ({
      name: t('infer.sequences', { count: exact(sequences) }),
      type: 'line', symbolSize: 5, symbol: ['circle', 'rect', 'triangle', 'diamond', 'pin'][place], itemStyle: { color: SERIES[place] },
      data: contexts.filter((one) => one.kv_cache_bytes_per_sequence).map((one) => [one.tokens, one.kv_cache[place].bytes]),
      ...(place === 0 && room && room > 0 && { markLine: { silent: true, symbol: 'none', lineStyle: { color: styled('--wrong'), type: 'dashed', width: 1.5 }, label: { formatter: t('infer.room', { size: binary(room) }), position: 'insideStartTop', color: styled('--wrong') }, data: [{ yAxis: room }] } }),
    })),
  };
}
