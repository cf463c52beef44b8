// What the fullest GPU holds, against what the engine may take.
import { html } from '../../html.js';
import { t } from '../../i18n/language.js';
import { Chart } from '../../charts/chart.js';
import { memoryColour } from '../../charts/colours.js';
import { Figure } from '../../drawer/figure.js';
import { binary, exact, percent } from '../../format/number.js';
import { barsOption, memoryName, there } from '../shared/memory.js';
import { Table } from '../shared/table.js';
import { fileOf } from '../training/answer.js';

/** The ledger of a deployment by the categories of memory. @param {any} memory */
export const ledgerOf = ({ weights, kv_cache, activations, overhead, logits }) => ({ weights, kv_cache, activations: activations - logits, logits_and_loss: logits, context: overhead });

/** @param {{answer: any}} props */
export function Memory({ answer }) {
  const { memory, model, weights } = answer;
  const ledger = /** @type {Record<string, number>} */ (ledgerOf(memory));
  const keys = there([ledger]);
  const label = `${t('infer.memory')}: ${keys.map((key) => `${memoryName(key)} ${binary(ledger[key])}`).join(', ')}`;
  const figure = (/** @type {string} */ key) => (key === 'weights' || key === 'kv_cache' ? html`<${Figure} of=${key}>${binary(ledger[key])}<//>` : binary(ledger[key]));
  const lines = keys.map((key) => ({ key, cells: [
    { raw: key, text: html`<i class="dot" style=${{ background: memoryColour(key) }}></i>${memoryName(key)}` },
    { raw: ledger[key], text: figure(key) }, { raw: ledger[key], text: exact(ledger[key]) }, { raw: ledger[key] / memory.total_per_gpu, text: percent(ledger[key] / memory.total_per_gpu) },
    key === 'weights' ? stored(weights) : key === 'kv_cache' ? t('infer.pages', { size: binary(answer.kv_cache_bytes_per_sequence) }) : ''] }));
  const total = { key: 'all', total: true, cells: [t('memory.all'), { raw: memory.total_per_gpu, text: binary(memory.total_per_gpu) }, { raw: memory.total_per_gpu, text: exact(memory.total_per_gpu) }, percent(1), ''] };
  return html`<section class="view"><h2>${t('infer.memory')}</h2>
    <${Chart} name=${fileOf(`${model.name}-inference-memory`)} label=${label} of=${answer} height=${96} option=${() => barsOption([{ name: 'GPU', ledger }], memory.engine_takes ?? memory.capacity)} />
    <${Table} bare=${true} title=${t('infer.memory')} file=${fileOf(`${model.name}-inference-memory`)} lines=${[...lines, total]}
      columns=${[{ name: t('train.line') }, { name: t('infer.size'), number: true }, { name: t('params.bytes'), number: true }, { name: t('train.share'), number: true }, { name: '' }]} /></section>`;
}

/** @param {{format: string, bytes: number}[]} weights */
function stored(weights) {
  /** @type {Record<string, number>} */
  const sums = {};
  for (const { format, bytes } of weights) sums[format] = (sums[format] ?? 0) + bytes;
  return html`<span class="small">${Object.entries(sums).map(([format, bytes]) => `${format} ${binary(bytes)}`).join(', ')}</span>`;
}
