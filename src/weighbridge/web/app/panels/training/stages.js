// Memory of every pipeline stage against what a GPU has, and the ledger behind it.
import { html } from '../../html.js';
import { t } from '../../i18n/language.js';
import { Chart } from '../../charts/chart.js';
import { memoryColour } from '../../charts/colours.js';
import { Figure } from '../../drawer/figure.js';
import { binary, exact } from '../../format/number.js';
import { barsOption, memoryName, there } from '../shared/memory.js';
import { Table } from '../shared/table.js';
import { fileOf, peakLine } from './answer.js';

/** The whole ledger of a rank: what PyTorch allocates, what it reserves beyond, what stands outside. @param {any} rank */
export function ledgerOf(rank) {
  return { ...rank.memory, allocator: rank.allocator_bytes, context: rank.context_bytes };
}

/** @param {{answer: any}} props */
export function Stages({ answer }) {
  const { ranks, model, worst_stage } = answer;
  const bars = ranks.map((/** @type {any} */ rank) => ({ name: t('train.stage', { stage: rank.pipeline_stage }), ledger: ledgerOf(rank), total: rank.device_total_bytes }));
  const capacity = ranks[0].capacity_bytes;
  const label = `${t('train.memory')}: ${bars.map((/** @type {any} */ bar, /** @type {number} */ place) => `${bar.name} ${binary(ranks[place].device_total_bytes)}`).join(', ')}`;
  return html`<section class="view"><h2>${t('train.memory')}</h2>
    <${Chart} name=${fileOf(`${model.name}-memory`)} label=${label} of=${answer} height=${Math.min(60 + 34 * bars.length, 620)} option=${() => barsOption(bars, capacity)} />
    <${Ledger} answer=${answer} ranks=${ranks.length > 8 ? picked(ranks, worst_stage) : ranks} /></section>`;
}

/** Of many stages those that differ: the first, the fullest, the last. @param {any[]} ranks @param {number} worst */
const picked = (ranks, worst) => [...new Set([0, 1, worst, ranks.length - 2, ranks.length - 1])].sort((a, b) => a - b).map((place) => ranks[place]);

/** @param {{answer: any, ranks: any[]}} props */
function Ledger({ answer, ranks }) {
  const ledgers = ranks.map(ledgerOf);
  const keys = there(ledgers);
  const cell = (/** @type {any} */ rank, /** @type {any} */ ledger, /** @type {string} */ key) => {
    const bytes = ledger[key] ?? 0;
    const size = html`<span title=${exact(bytes)}>${bytes ? binary(bytes) : '0'}</span>`;
    return { raw: bytes, text: bytes ? html`<${Figure} of=${`line:${key}:${rank.pipeline_stage}`} label=${`${memoryName(key)}, ${t('train.stage', { stage: rank.pipeline_stage })}: ${binary(bytes)}`}>${size}<//>` : size };
  };
  const opened = (/** @type {any} */ rank, /** @type {string} */ text, /** @type {string} */ name, /** @type {string} */ line) => html`<${Figure} of=${`line:${line}:${rank.pipeline_stage}`} label=${`${name}, ${t('train.stage', { stage: rank.pipeline_stage })}: ${text}`}>${text}<//>`;
  const sum = (/** @type {string} */ field, /** @type {string} */ name, /** @type {string} */ line) => ({ key: field, total: line === 'device_total', cells: [name, ...ranks.map((rank) => ({ raw: rank[field], text: opened(rank, binary(rank[field]), name, line) }))] });
  const lines = keys.map((key) => ({
    key,
    cells: [{ raw: key, text: html`<i class="dot" style=${{ background: memoryColour(key) }}></i>${memoryName(key)}` }, ...ranks.map((rank, place) => cell(rank, ledgers[place], key))],
  }));
  const all = [
    ...lines,
    sum('device_total_bytes', t('memory.device'), 'device_total'),
    sum('peak_allocated_bytes', t('memory.allocated'), 'peak_allocated'),
    sum('peak_reserved_bytes', t('memory.reserved'), 'peak_reserved'),
    sum('static_allocated_bytes', t('memory.static'), 'static_allocated'),
    { key: 'parameters', cells: [t('train.rank.parameters'), ...ranks.map((rank) => ({ raw: rank.parameters, text: opened(rank, exact(rank.parameters), t('train.rank.parameters'), 'parameters') }))] },
    { key: 'layers', cells: [t('train.rank.layers'), ...ranks.map((rank) => ({ raw: rank.layers, text: exact(rank.layers) }))] },
    { key: 'peak', cells: [t('train.peak'), ...ranks.map((rank) => ({ raw: peakLine(rank), text: html`<span class="small">${moment(rank)}</span>` }))] },
  ];
  const columns = [{ name: t('train.line') }, ...ranks.map((rank) => ({ name: t('train.stage', { stage: rank.pipeline_stage }), number: true }))];
  return html`<${Table} bare=${true} title=${t('train.ledger')} file=${fileOf(`${answer.model.name}-ledger`)} columns=${columns} lines=${all} />`;
}

/** @param {any} rank */
const moment = ({ peak_at: { layer, direction } }) => (layer === null ? t(`train.at.${direction.replaceAll(' ', '_')}`) : `${t('train.layer', { layer })} · ${t(`train.at.${direction.replaceAll(' ', '_')}`)}`);
