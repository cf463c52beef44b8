// Speeds of quantisations as bars: after an empty context, and at the end of a full one.
import { t } from '../../i18n/language.js';
import { SERIES, styled } from '../../charts/colours.js';
import { three } from '../../format/number.js';

/** @param {any[]} options @returns {any} */
export function speedOption(options) {
  const bar = (/** @type {string} */ key, /** @type {string} */ name, /** @type {number} */ place) => ({
    name, type: 'bar', barMaxWidth: 14, itemStyle: { color: SERIES[place] },
    label: { show: true, position: 'right', fontSize: 11, color: styled('--ink'), textBorderWidth: 0, formatter: (/** @type {any} */ at) => (at.value === null ? '' : three(at.value)) },
    data: options.map((one) => one[key]),
  });
  return {
    grid: { left: 8, right: 56, top: 30, bottom: 8, containLabel: true },
    legend: { top: 0, type: 'scroll' },
    tooltip: { trigger: 'axis', axisPointer: { type: 'shadow' }, formatter: (/** @type {any[]} */ at) => [at[0].name, ...at.map(({ seriesName, value }) => `${seriesName}  ${value === undefined || value === null ? '–' : three(value)}`)].join('\n') },
    xAxis: { type: 'value', axisLabel: { hideOverlap: true } },
    yAxis: { type: 'category', inverse: true, data: options.map(({ quantisation }) => quantisation), axisTick: { show: false } },
    series: [bar('tokens_per_second', t('local.empty'), 5), bar('tokens_per_second_full', t('local.full'), 0)],
  };
}
