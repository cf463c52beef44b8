// How large a model a budget should train, on how many tokens, and what that takes: every published law side by side.
import { t } from '../i18n/language.js';
import { short } from '../format/number.js';
import { field, optionsOf } from '../state/question.js';
import { ScalingAnswer } from './scaling/answer.js';
import { explainScaling } from './scaling/explain.js';
import { Budget, Days, Dollars, Size, Ways, budgetOf, givenLine, wayOf } from './scaling/given.js';
import { LawChoice, OWN_FILE, OWN_KEY, OwnLaw, chosen, lawsLine } from './scaling/laws.js';
import { power } from './scaling/looks.js';
import { clusterControl, clusterLine, priceOf } from './shared/cluster.js';
import { suggested } from './shared/suggested.js';

/** @typedef {import('../state/address.js').Values} Values */
/** @typedef {import('../state/question.js').Question} Question */

const CLUSTER = '1024xh100';

/** The utilization that is expected while nothing is said: the first of those that runs come to. */
const [MFU] = field('scaling', 'mfu').suggested ?? [];

/** What a budget costs. @param {Values} values */
function spending(values) {
  const { cluster = CLUSTER, price = priceOf(cluster) } = values;
  return { cluster, mfu: values['scaling.mfu'] ?? MFU, ...(price && { price }), ...(values['scaling.precision'] && { precision: values['scaling.precision'] }) };
}

/** @param {Values} values @returns {Question} */
function question(values) {
  const own = values[OWN_KEY];
  const budget = budgetOf(values);
  const options = { ...optionsOf('scaling', values), ...spending(values), ...(budget && { compute: budget }), ...(own && { law: [...chosen(values), OWN_FILE] }) };
  return { ask: 'scaling', options, with: [], ...(own && { files: { [OWN_FILE]: { text: own } } }) };
}

const way = (/** @type {string[]} */ ...ways) => (/** @type {Values} */ values) => ways.includes(wayOf(values));

/** @type {import('./panel.js').Panel} */
export default {
  id: 'scaling',
  ask: 'scaling',
  groups: [
    {
      id: 'budget',
      open: true,
      fields: ['ways', 'compute', 'days', 'dollars', 'parameters', 'tokens'],
      controls: { ways: Ways, compute: Budget, days: Days, dollars: Dollars, parameters: Size },
      when: { compute: way('compute'), days: way('compute'), dollars: way('compute'), parameters: way('parameters', 'both'), tokens: way('tokens', 'both') },
      line: givenLine,
    },
    {
      id: 'cluster',
      fields: ['cluster', 'mfu', 'price', 'precision'],
      controls: { cluster: clusterControl(CLUSTER), mfu: suggested('scaling', 'mfu', { otherwise: MFU }) },
      line: ({ cluster = CLUSTER, 'scaling.mfu': mfu = MFU }) => `${clusterLine(cluster)} · MFU ${mfu}`,
    },
    { id: 'cases', fields: ['inference_tokens', 'unique_tokens'] },
    { id: 'laws', fields: ['law', 'strict'], controls: { law: LawChoice }, line: lawsLine },
    { id: 'own', fields: ['own'], controls: { own: OwnLaw }, line: (values) => t(values[OWN_KEY] ? 'scaling.own.yes' : 'scaling.own.no') },
  ],
  question,
  explain: explainScaling,
  title: ({ question: { compute, parameters, tokens }, over_laws: over }) =>
    [compute && `${power(compute)} FLOPs`, parameters && t('scaling.line.size', { size: short(parameters) }), tokens && t('scaling.line.tokens', { tokens: short(tokens) })].filter(Boolean).join(' · ') + (compute && !over.times_optimal ? ` → ${short(over.parameters.middle)}` : ''),
  file: ({ question: { compute, parameters, tokens } }) => ['scaling', ...[compute, parameters, tokens].filter(Boolean).map(power)].join('-'),
  Answer: ScalingAnswer,
};
