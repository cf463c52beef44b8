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

/** Figures that have another name than their line of the ledger. @type {Record<string, string>} */
const CALLED = { kv_cache: 'kv_cache_of_a_gpu', logits_and_loss: 'activations', allocator: 'reserved' };

/** The ledger of a deployment by the categories of memory. @param {any} memory */
export const ledgerOf = ({ weights, kv_cache, activations_without_logits: activations, overhead, logits }) => ({ weights, kv_cache, activations, logits_and_loss: logits, context: overhead });

/** The same with what the engine takes besides. @param {any} memory @returns {Record<string, number>} */
const takenOf = (memory) => ({ ...ledgerOf(memory), allocator: memory.reserved });

/** @param {{answer: any}} props */
export function Memory({ answer }) {
  const { memory, model, weights_by_format: weights, load } = answer;
  const ledger = takenOf(memory);
  const keys = there([ledger]);
  const room = memory.engine_takes;
  const label = `${t('infer.memory')}: ${keys.map((key) => `${memoryName(key)} ${binary(ledger[key])}`).join(', ')}`;
  const one = t('infer.pages', { size: binary(answer.kv_cache_bytes_per_sequence) });
  const pages = answer.kv_cache_bytes_per_sequence > 0 && room !== null ? html`<${Figure} of=${`kv_cache_of_${load.prompt + load.output}_tokens`}>${one}<//>` : one;
  const what = { weights: html`<${Figure} of="weights">${stored(weights)}<//>`, kv_cache: pages, allocator: t('infer.reserved.what') };
  const line = (/** @type {string} */ key) => ({ key, cells: [
    { raw: key, text: html`<i class="dot" style=${{ background: memoryColour(key) }}></i>${memoryName(key)}` },
    { raw: ledger[key], text: html`<${Figure} of=${CALLED[key] ?? key} label=${`${memoryName(key)} ${binary(ledger[key])}`}>${binary(ledger[key])}<//>` },
    { raw: ledger[key], text: exact(ledger[key]) }, { raw: ledger[key] / (room ?? memory.total_per_gpu), text: percent(ledger[key] / (room ?? memory.total_per_gpu)) },
    { raw: '', text: html`<span class="small">${/** @type {Record<string, any>} */ (what)[key] ?? ''}</span>` }] });
  const needs = { key: 'needed', total: true, cells: [t('infer.needed'), { raw: memory.total_per_gpu, text: html`<${Figure} of="total" label=${`${t('infer.needed')} ${binary(memory.total_per_gpu)}`}>${binary(memory.total_per_gpu)}<//>` }, { raw: memory.total_per_gpu, text: exact(memory.total_per_gpu) }, room ? percent(memory.total_per_gpu / room) : percent(1), ''] };
  const takes = { key: 'takes', cells: [t('infer.in.use'), { raw: room, text: room && html`<${Figure} of="engine_takes" label=${`${t('infer.in.use')} ${binary(room)}`}>${binary(room)}<//>` }, { raw: room, text: room && exact(room) }, '', { raw: '', text: html`<span class="small">${memory.capacity && t('memory.capacity', { size: binary(memory.capacity) })}</span>` }] };
  const lines = [...keys.filter((key) => key !== 'allocator').map(line), needs, ...(ledger.allocator ? [line('allocator'), takes] : [])];
  return html`<section class="view"><h2>${t('infer.memory')}</h2>
    <${Chart} name=${fileOf(`${model.name}-inference-memory`)} label=${label} of=${answer} height=${110} option=${() => barsOption([{ name: 'GPU', ledger, total: memory.reserved ? room : memory.total_per_gpu }], room, t('infer.engine.takes', { size: binary(room ?? 0) }))} />
    <${Table} bare=${true} title=${t('infer.memory')} file=${fileOf(`${model.name}-inference-memory`)} lines=${lines}
      columns=${[{ name: t('train.line') }, { name: t('infer.size'), number: true }, { name: t('params.bytes'), number: true }, { name: t('train.share'), number: true }, { name: t('infer.stored') }]} /></section>`;
}

/** Formats of weights with their bytes. @param {Record<string, number>} weights */
const stored = (weights) => Object.entries(weights).map(([format, bytes]) => `${format} ${binary(bytes)}`).join(', ');
