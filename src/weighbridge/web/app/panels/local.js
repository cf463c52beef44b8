// Which quantisations of a model fit on one's own devices, and how fast they make tokens there.
import { three } from '../format/number.js';
import { t } from '../i18n/language.js';
import { optionsOf } from '../state/question.js';
import { LocalAnswer } from './local/answer.js';
import { FIRST, PROCESSORS, devicesControl, devicesLine } from './local/devices.js';
import { explainLocal } from './local/explain.js';
import { readingGroup } from './shared/reading.js';
import { suggested } from './shared/suggested.js';

/** @type {import('./panel.js').Panel} */
export default {
  id: 'local',
  ask: 'local',
  groups: [
    { id: 'model' },
    { id: 'devices', fields: ['on'], controls: { on: devicesControl }, line: devicesLine },
    { id: 'files', fields: ['gguf', 'context', 'kv'] },
    { id: 'host', fields: ['cpu', 'ram', 'disk'], controls: { cpu: suggested('local', 'cpu', { choices: PROCESSORS }) } },
    { id: 'split', fields: ['ngl', 'n_cpu_moe', 'tensor_split'] },
    readingGroup('local'),
  ],
  question: (values, model) => ({ ask: 'local', model, options: { on: [FIRST], ...optionsOf('local', values) } }),
  explain: explainLocal,
  title: ({ model, chosen, options }) => {
    const best = options.find((/** @type {any} */ one) => one.quantisation === chosen);
    return `${model}: ${best ? `${chosen}${best.tokens_per_second === null ? '' : `, ${three(best.tokens_per_second)} ${t('local.rate')}`}` : t('local.none')}`;
  },
  Answer: LocalAnswer,
};
