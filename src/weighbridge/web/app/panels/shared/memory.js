// Memory by category: names, colours and the one order; bars against what a GPU has.
import { t } from '../../i18n/language.js';
import { MEMORY_ORDER, memoryColour, styled } from '../../charts/colours.js';
import { binary } from '../../format/number.js';

/** @typedef {{name: string, ledger: Record<string, number>, total: number}} Bar bytes by category, and of all */

/** @param {string} key */
export const memoryName = (key) => t(`memory.${key}`);

/** Categories that are there, in the one order. @param {Record<string, number>[]} ledgers */
export const there = (ledgers) => MEMORY_ORDER.filter((key) => ledgers.some((ledger) => ledger[key]));

/**
 * Bars of stacked categories against a capacity.
 * @param {Bar[]} bars
 * @param {number | null} capacity bytes
 * @param {string} [said] what the capacity is, where it is not the GPU's
 */
export function barsOption(bars, capacity, said) {
  const keys = there(bars.map(({ ledger }) => ledger));
  const most = Math.max(...bars.map(({ total }) => total), capacity ?? 0);
  return {
    grid: { left: 8, right: 16, top: capacity ? 26 : 8, bottom: 8, containLabel: true },
    tooltip: { trigger: 'axis', axisPointer: { type: 'shadow' }, order: 'seriesAsc', formatter: (/** @type {any[]} */ at) => tip(at, bars) },
    xAxis: { type: 'value', max: most * 1.04, axisLabel: { formatter: (/** @type {number} */ v) => (v > most ? '' : binary(v)), hideOverlap: true }, interval: step(most) },
    yAxis: { type: 'category', inverse: true, data: bars.map(({ name }) => name), axisTick: { show: false } },
    series: keys.map((key, place) => ({
      name: memoryName(key),
      type: 'bar',
      stack: 'all',
      barMaxWidth: 34,
      itemStyle: { color: memoryColour(key), borderColor: styled('--ground'), borderWidth: 0.5 },
      label: { show: true, color: '#000', fontSize: 11, overflow: 'truncate', formatter: (/** @type {any} */ at) => (at.value > most / 9 ? memoryName(key) : '') },
      data: bars.map(({ ledger }) => ledger[key] ?? 0),
      ...(place === 0 && capacity && { markLine: capacityLine(capacity, capacity > most * 0.85, said ?? t('memory.capacity', { size: binary(capacity) })) }),
    })),
  };
}

/** @param {number} capacity @param {boolean} far near the right edge, where words stand left of the line @param {string} said */
function capacityLine(capacity, far, said) {
  return {
    silent: true,
    symbol: 'none',
    lineStyle: { color: styled('--wrong'), type: 'dashed', width: 1.5 },
    label: { formatter: said, color: styled('--wrong'), position: 'start', distance: 6, ...(far && { align: 'right' }) },
    data: [{ xAxis: capacity }],
  };
}

/** A round step of an axis of bytes: a power of two. @param {number} most */
export const step = (most) => 2 ** Math.ceil(Math.log2(Math.max(most, 1) / 6));

/** @param {any[]} at @param {Bar[]} bars */
function tip(at, bars) {
  const { ledger, total } = bars[at[0].dataIndex];
  return [at[0].name, ...there([ledger]).map((key) => `${memoryName(key)}  ${binary(ledger[key])}`), `${t('memory.all')}  ${binary(total)}`].join('\n');
}
