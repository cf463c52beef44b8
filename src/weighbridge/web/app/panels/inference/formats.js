// The same deployment with weights in other formats.
import { html } from '../../html.js';
import { t } from '../../i18n/language.js';
import { binary, dollars, exact, seconds } from '../../format/number.js';
import { useAnswer } from '../../engine/engine.js';
import { change } from '../../state/store.js';
import { Table } from '../shared/table.js';
import { fileOf } from '../training/answer.js';

/** Formats side by side: of 32, 16, 8 and 4 bits. */
const FORMATS = ['fp32', 'bf16', 'fp16', 'fp8-block', 'int8', 'w4a16', 'awq', 'nf4', 'nvfp4'];

/** Options that both questions have. */
const BOTH = ['kv', 'engine', 'prompt', 'output', 'batch', 'memory_share', 'cached_prompt', 'price'];

/** @param {any} question */
export function formatsQuestion(question) {
  const { cluster, ...rest } = question.options;
  const options = Object.fromEntries(Object.entries(rest).filter(([name]) => BOTH.includes(name)));
  return { ask: 'compare', models: [question.model], options: { ...options, cluster: [cluster], quant: FORMATS.join(',') }, ...(question.held && { held: question.held }) };
}

/** @param {{question: any}} props */
export function Formats({ question }) {
  const { answer, pending } = useAnswer('infer-formats', formatsQuestion(question));
  if (!answer) return null;
  const rows = answer.deployments;
  const cell = (/** @type {number | null} */ value, /** @type {(value: number) => string} */ say) => ({ raw: value, text: value === null ? '–' : say(value) });
  const whole = (/** @type {number} */ v) => exact(Math.round(v));
  return html`<div class=${pending ? 'stale' : ''}><${Table} title=${t('infer.formats')} file=${fileOf(`${rows[0].model}-formats`)}
    columns=${[{ name: t('infer.format') }, ...['infer.weights', 'infer.needed', 'infer.users', 'infer.longest', 'infer.ttft', 'infer.tpot', 'infer.gpu', 'infer.million'].map((key) => ({ name: t(key), number: true })), { name: '' }]}
    lines=${rows.map((/** @type {any} */ row) => ({ key: row.quantisation, mark: row.quantisation === question.options.quant, cells: [
      { raw: row.quantisation, text: html`<button type="button" class="figure" aria-label=${t('infer.take', { format: row.quantisation })} onClick=${() => change({ 'infer.quant': row.quantisation }, { step: true })}>${row.quantisation}</button>` },
      cell(row.weights_bytes, binary), { raw: row.total_bytes, text: row.total_bytes === null ? '–' : html`<span class=${row.fits === false ? 'bad' : ''}>${binary(row.total_bytes)}</span>` },
      cell(row.max_batch, exact), cell(row.longest_context, exact), cell(row.ttft_seconds, seconds), cell(row.tpot_seconds, seconds), cell(row.tokens_per_second_per_gpu, whole), cell(row.dollars_per_million_output, dollars),
      { raw: row.reason, text: html`<span class="small" lang="en">${row.reason}</span>` }] }))} >
    <p class="hint">${t('infer.formats.hint')}</p><//></div>`;
}
