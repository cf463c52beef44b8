// A launch command of Megatron-LM, pasted.
import { html } from '../html.js';
import { Problem } from '../controls/problem.js';
import { t } from '../i18n/language.js';
import { change } from '../state/store.js';

/** Four layers of a small Mixtral, as the worked example of a memory estimator has them. */
export const EXAMPLE_ARGUMENTS = `--num-layers 4 --hidden-size 2048 --num-attention-heads 16
--group-query-attention --num-query-groups 8 --kv-channels 128
--vocab-size 32000 --untie-embeddings-and-output-weights
--num-experts 8 --moe-router-topk 2 --ffn-hidden-size 5440
--swiglu --normalization RMSNorm --disable-bias-linear
--position-embedding-type rope
--seq-length 4096 --max-position-embeddings 4096
--micro-batch-size 1 --bf16 --use-distributed-optimizer`;

/** @param {{value: string, told: string[]}} props */
export function MegatronArguments({ value, told }) {
  return html`<div class="field ${told.length ? 'wrong' : ''}">
    <label for="m.args">${t('model.megatron')}</label>
    <textarea id="m.args" rows="10" spellcheck=${false} value=${value} aria-invalid=${told.length > 0} onInput=${(/** @type {any} */ e) => change({ 'm.args': e.currentTarget.value })}></textarea>
    ${told.map((text) => html`<${Problem} text=${text} />`)}
  </div>`;
}
