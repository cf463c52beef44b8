// Models, deployments and plans side by side: up to eight of each.
import { t } from '../i18n/language.js';
import { optionsOf } from '../state/question.js';
import { CompareAnswer } from './compare/answer.js';
import { CLUSTERS_KEY, OWN, QUANT_KEY, clustersOf, formatsOf, modelsOf } from './compare/chosen.js';
import { explainCompared } from './compare/explain.js';
import { ClustersPicker, FormatsPicker, ModelsPicker, PlansPicker } from './compare/pickers.js';
import { PINNED, pinned } from './shared/pin.js';

/** @typedef {import('../state/address.js').Values} Values */

/** Options that only models side by side have; all others are of deployments. */
const OF_MODELS = new Set(['seq', 'dtype']);

const deployed = (/** @type {Values} */ values) => Boolean(values[CLUSTERS_KEY]);
const alone = (/** @type {Values} */ values) => !deployed(values);

/** @param {Values} values @param {unknown} model */
function question(values, model) {
  const models = modelsOf(values).map((name) => (name === OWN ? model : name));
  const { cluster, quant, ...given } = optionsOf('compare', values);
  const options = Object.fromEntries(Object.entries(given).filter(([name]) => OF_MODELS.has(name) === alone(values)));
  const formats = formatsOf(values);
  return { ask: 'compare', models, options: deployed(values) ? { ...options, cluster: clustersOf(values), ...(formats.length && { quant: formats.join(',') }) } : options };
}

/** @type {import('./panel.js').Panel} */
export default {
  id: 'compare',
  ask: 'compare',
  groups: [
    { id: 'models', fields: ['models'], controls: { models: ModelsPicker }, open: true, line: (values) => t('compare.count', { count: modelsOf(values).length }) },
    { id: 'counted', fields: ['seq', 'dtype'], when: { seq: alone, dtype: alone }, line: (values) => (deployed(values) ? t('compare.by.cluster') : values['compare.dtype'] ?? t('controls.default')) },
    {
      id: 'deployments',
      fields: ['clusters', 'quant', 'kv', 'engine', 'prompt', 'output', 'batch', 'memory_share', 'cached_prompt', 'price'],
      controls: { clusters: ClustersPicker, quant: FormatsPicker },
      when: Object.fromEntries(['quant', 'kv', 'engine', 'prompt', 'output', 'batch', 'memory_share', 'cached_prompt', 'price'].map((name) => [name, deployed])),
      line: (values) => [...clustersOf(values), values[QUANT_KEY]].filter(Boolean).join(' · ') || t('compare.none'),
    },
    { id: 'plans', fields: ['plans'], controls: { plans: PlansPicker }, line: (values) => (values[PINNED] ? t('compare.count', { count: pinned(values).length }) : t('compare.none')) },
  ],
  question,
  explain: explainCompared,
  title: ({ models, deployments }) => (deployments ? t('compare.title.deployments', { count: deployments.length }) : models.map((/** @type {any} */ { model }) => model).join(' · ')),
  file: ({ models, deployments }) => `compare-${[...new Set((models ?? deployments).map((/** @type {any} */ { model }) => model))].join('-').slice(0, 80)}`,
  Answer: CompareAnswer,
};
