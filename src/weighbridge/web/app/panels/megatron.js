// A Megatron-LM argument list as it stands on the cluster: the same answer as of a plan that is typed.
import { html } from '../html.js';
import { t } from '../i18n/language.js';
import { Labelled } from '../controls/fields.js';
import { change } from '../state/store.js';
import { optionsOf } from '../state/question.js';
import { clusterControl, clusterLine } from './shared/cluster.js';
import { TrainingAnswer } from './training/answer.js';
import { explainTraining } from './training/explain.js';
import { titleOf } from './training.js';

/** The worked example: Mixtral-8x2B of four layers on 8 GPUs, one of the runs that the Megatron memory estimator measured. */
export const EXAMPLE = `torchrun --nproc_per_node 8 --nnodes 1 pretrain_gpt.py
--num-layers 4 --hidden-size 2048 --ffn-hidden-size 5440 --num-attention-heads 16
--group-query-attention --num-query-groups 8 --kv-channels 128 --seq-length 4096
--max-position-embeddings 4096 --position-embedding-type rope --normalization RMSNorm
--swiglu --disable-bias-linear --untie-embeddings-and-output-weights --num-experts 8
--moe-router-topk 2 --moe-grouped-gemm --moe-token-dispatcher-type alltoall
--vocab-size 32000 --bf16 --use-distributed-optimizer --no-gradient-accumulation-fusion
--attention-dropout 0 --hidden-dropout 0 --micro-batch-size 1`;

const CLUSTER = '8xa100';
const KEY = 'megatron.words';

/** @param {{values: import('../state/address.js').Values, problems: import('../engine/engine.js').Problem[]}} props */
function Words({ values, problems }) {
  const told = problems.filter(({ field }) => field === 'words' || field === '').map(({ message }) => message);
  return html`<${Labelled} id=${KEY} label=${t('megatron.words')} help=${t('megatron.help')} told=${told}>
    <textarea id=${KEY} rows="14" spellcheck=${false} autocapitalize="off" aria-describedby="${KEY}-help" aria-invalid=${told.length > 0}
      onInput=${(/** @type {any} */ e) => change({ [KEY]: e.currentTarget.value })} value=${values[KEY] ?? EXAMPLE}></textarea><//>
    ${values[KEY] && html`<button type="button" class="quiet" onClick=${() => change({ [KEY]: '' }, { step: true })}>${t('megatron.example')}</button>`}`;
}

/** @type {import('./panel.js').Panel} */
export default {
  id: 'megatron',
  ask: 'megatron',
  groups: [
    { id: 'words', fields: ['words'], controls: { words: Words }, open: true, line: (values) => (values[KEY] ? t('megatron.own') : t('megatron.worked')) },
    { id: 'cluster', fields: ['cluster', 'world_size'], controls: { cluster: clusterControl(CLUSTER) }, line: ({ cluster = CLUSTER }) => clusterLine(cluster) },
    { id: 'run', fields: ['tokens', 'price', 'pue', 'grid', 'mtbf', 'storage', 'restart'] },
  ],
  question: (values) => ({ ask: 'megatron', words: values[KEY] ?? EXAMPLE, options: { cluster: CLUSTER, ...optionsOf('megatron', { ...values, 'megatron.stage': '' }), advice: false }, with: [] }),
  explain: explainTraining,
  title: titleOf,
  Answer: TrainingAnswer,
};
