// How many users a deployment holds, how fast they are served, and what a million tokens cost.
import { t } from '../i18n/language.js';
import { exact } from '../format/number.js';
import { optionsOf } from '../state/question.js';
import { InferenceAnswer } from './inference/answer.js';
import { clusterControl, clusterLine } from './shared/cluster.js';
import { suggested } from './shared/suggested.js';

const CLUSTER = '1xh100';

/** Formats that weights are stored in. */
export const FORMATS = ['auto', 'published', 'fp32', 'bf16', 'fp16', 'fp8', 'fp8-block', 'fp8-tensor', 'int8', 'awq', 'gptq', 'w4a16', 'nf4', 'nf4-double', 'nvfp4', 'mxfp4'];

const many = (/** @type {string} */ name) => (/** @type {import('../state/address.js').Values} */ values) => Boolean(values[`infer.${name}`]);

/** @type {import('./panel.js').Panel} */
export default {
  id: 'infer',
  ask: 'infer',
  groups: [
    { id: 'model' },
    { id: 'cluster', fields: ['cluster', 'price'], controls: { cluster: clusterControl(CLUSTER) }, line: ({ cluster = CLUSTER }) => clusterLine(cluster) },
    { id: 'load', fields: ['prompt', 'output', 'batch', 'cached_prompt', 'shortest'] },
    { id: 'stored', fields: ['quant', 'kv'], controls: { quant: suggested('infer', 'quant', FORMATS), kv: suggested('infer', 'kv', ['bf16', 'fp8', 'fp16']) } },
    {
      id: 'serving',
      fields: ['engine', 'tp', 'pp', 'dp', 'ep', 'memory_share', 'chunk', 'draft', 'accept'],
      controls: { engine: suggested('infer', 'engine', ['vllm', 'sglang', 'trtllm', 'transformers']) },
      when: { accept: many('draft') },
    },
  ],
  question: (values, model) => ({ ask: 'infer', model, options: { cluster: CLUSTER, ...optionsOf('infer', values), advice: false }, with: [] }),
  explain: (shown, question) => {
    const options = { ...question.options, line: shown === 'kv_cache' ? 'kv_cache' : 'weights' };
    return { question: { ...question, options, with: ['explain'] }, steps: (answer) => answer.explanation };
  },
  title: ({ model, max_batch }) => `${model.name}: ${t('infer.title', { users: max_batch === null ? '?' : exact(max_batch) })}`,
  Answer: InferenceAnswer,
};
