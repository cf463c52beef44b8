// How many users a deployment holds, how fast they are served, and what a million tokens cost.
import { t } from '../i18n/language.js';
import { binary, exact } from '../format/number.js';
import { optionsOf } from '../state/question.js';
import { InferenceAnswer } from './inference/answer.js';
import { explainInference } from './inference/explain.js';
import { clusterControl, clusterLine } from './shared/cluster.js';
import { readingGroup } from './shared/reading.js';
import { sizeControl } from './shared/sizes.js';

/** What is asked about while nothing is said. */
const CLUSTER = '1xh100';

const given = (/** @type {string} */ name) => (/** @type {import('../state/address.js').Values} */ values) => Boolean(values[`infer.${name}`]);

/** @type {import('./panel.js').Panel} */
export default {
  id: 'infer',
  ask: 'infer',
  groups: [
    { id: 'model' },
    { id: 'cluster', fields: ['cluster', 'price'], controls: { cluster: clusterControl(CLUSTER) }, line: ({ cluster = CLUSTER }) => clusterLine(cluster) },
    { id: 'load', fields: ['prompt', 'output', 'batch', 'cached_prompt', 'shortest'] },
    { id: 'stored', fields: ['quant', 'kv', 'dtype'] },
    {
      id: 'serving',
      fields: ['engine', 'tp', 'pp', 'dp', 'ep', 'memory_share', 'chunk', 'draft', 'accept'],
      controls: { tp: sizeControl('infer', 'tp', true), pp: sizeControl('infer', 'pp', true), dp: sizeControl('infer', 'dp', true), ep: sizeControl('infer', 'ep', true) },
      when: { accept: given('draft') },
    },
    readingGroup('infer'),
  ],
  question: (values, model) => ({ ask: 'infer', model, options: { cluster: CLUSTER, ...optionsOf('infer', values), advice: false }, with: [] }),
  explain: explainInference,
  title: ({ model, fits, max_batch, memory }) => `${model.name}: ${fits === false ? t('infer.title.not', { size: binary(memory.total_per_gpu) }) : t('infer.title.fits', { users: max_batch === null ? '?' : exact(max_batch) })}`,
  Answer: InferenceAnswer,
};
