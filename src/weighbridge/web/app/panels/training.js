// Whether a training run fits, where the memory goes, how long a step takes, what a run costs, and what would help.
import { t } from '../i18n/language.js';
import { binary } from '../format/number.js';
import { optionsOf } from '../state/question.js';
import { clusterControl, clusterLine } from './shared/cluster.js';
import { TrainingAnswer } from './training/answer.js';
import { explainTraining } from './training/explain.js';
import { fileControl, fileLine, fileOfPlan } from './training/plan_file.js';
import { parallelLine } from './training/line.js';
import { RankField, TargetsField, WayField, tuningLine } from './training/adapters.js';
import { readingGroup } from './shared/reading.js';
import { sizeControl } from './shared/sizes.js';

/** What is asked about while nothing is said. */
const CLUSTER = '8xh100';

/** @typedef {import('../state/address.js').Values} Values */

/** @param {string} name @param {(text: string) => boolean} holds */
const where = (name, holds) => (/** @type {Values} */ values) => holds(values[`train.${name}`] ?? '');
const many = (/** @type {string} */ text) => Number(text) > 1;

/** Whether samples of a data set are told of. @param {Values} values */
const sampled = (values) => Boolean(values['train.samples'] || values['train.lengths']);

/** @type {import('./panel.js').Panel} */
export default {
  id: 'train',
  ask: 'train',
  groups: [
    { id: 'model' },
    { id: 'cluster', fields: ['cluster'], controls: { cluster: clusterControl(CLUSTER) }, line: ({ cluster = CLUSTER }) => clusterLine(cluster) },
    {
      id: 'parallel',
      fields: ['tp', 'sp', 'pp', 'vp', 'schedule', 'layout', 'cp', 'cp_comm', 'ep', 'etp', 'zero', 'reshard', 'replicas', 'gpus'],
      controls: { tp: sizeControl('train', 'tp'), pp: sizeControl('train', 'pp'), vp: sizeControl('train', 'vp'), cp: sizeControl('train', 'cp'), ep: sizeControl('train', 'ep') },
      when: { sp: where('tp', many), vp: where('pp', many), schedule: where('pp', many), layout: where('pp', many), cp_comm: where('cp', many), etp: where('ep', many), reshard: where('zero', (text) => text === '3') },
      line: parallelLine,
    },
    { id: 'batch', fields: ['seq', 'micro_batch', 'global_batch'] },
    {
      id: 'savers',
      fields: ['recompute', 'recompute_method', 'recompute_layers', 'offload_optimizer', 'offload_weights', 'offload_activations', 'offload_layers'],
      when: { recompute_method: where('recompute', (text) => text === 'full'), recompute_layers: where('recompute', (text) => text === 'full') },
    },
    {
      id: 'numerics',
      fields: ['framework', 'precision', 'fp8_parameters', 'gradients', 'main_parameters', 'optimizer', 'states', 'attention', 'loss', 'dropout', 'overlap', 'cuda_graphs', 'dispatcher', 'imbalance', 'capacity_factor'],
      when: { fp8_parameters: where('precision', (text) => /fp8|fp4/.test(text)), capacity_factor: where('imbalance', (text) => !text), imbalance: where('capacity_factor', (text) => !text) },
    },
    {
      id: 'tuning',
      fields: ['way', 'rank', 'targets', 'lora', 'quant', 'freeze', 'reference', 'samples', 'mean_length', 'lengths', 'packed', 'padded', 'batched'],
      controls: {
        way: WayField,
        rank: RankField,
        targets: TargetsField,
      },
      when: { rank: where('lora', Boolean), targets: where('lora', Boolean), quant: where('lora', Boolean), mean_length: where('samples', Boolean), packed: sampled, padded: sampled, batched: sampled },
      line: tuningLine,
    },
    { id: 'run', fields: ['tokens', 'price', 'pue', 'grid', 'mtbf', 'storage', 'restart'] },
    { id: 'file', fields: ['from'], controls: { from: fileControl }, line: fileLine },
    readingGroup('train'),
  ],
  question: (values, model) => ({ ask: 'train', model, options: { cluster: CLUSTER, ...optionsOf('train', { ...values, 'train.stage': '' }), advice: false }, with: [], ...fileOfPlan(values) }),
  explain: explainTraining,
  title: (answer) => titleOf(answer),
  Answer: TrainingAnswer,
};

/** @param {any} answer */
export function titleOf({ model, ranks, fullest_stage, fits }) {
  const size = binary(ranks[fullest_stage].device_total_bytes);
  return `${model.name}: ${fits === null ? size : t(fits ? 'train.title.fits' : 'train.title.not', { size })}`;
}
