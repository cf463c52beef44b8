// Which quantisations of a model fit on one's own devices, and how fast they make tokens there.
import { three } from '../format/number.js';
import { t } from '../i18n/language.js';
import { optionsOf } from '../state/question.js';
import { LocalAnswer } from './local/answer.js';
import { FIRST, PROCESSORS, devicesControl, devicesLine } from './local/devices.js';
import { explainLocal } from './local/explain.js';
import { readingGroup } from './shared/reading.js';
import { suggested } from './shared/suggested.js';

const CACHES = ['fp16', 'bf16', 'q8_0', 'q5_1', 'q5_0', 'q4_1', 'q4_0', 'iq4_nl'];

/** Quantisations that people choose between, from the largest files to the smallest. */
const SETS = ['Q4_K_M,Q5_K_M,Q6_K,Q8_0,F16', 'Q2_K,Q3_K_M,Q4_K_M,Q5_K_M,Q6_K,Q8_0', 'IQ2_XXS,IQ3_XXS,IQ4_XS,Q4_K_M', 'MXFP4_MOE,Q4_0,Q8_0'];

/** @type {import('./panel.js').Panel} */
export default {
  id: 'local',
  ask: 'local',
  groups: [
    { id: 'model' },
    { id: 'devices', fields: ['on'], controls: { on: devicesControl }, line: devicesLine },
    { id: 'files', fields: ['gguf', 'context', 'kv'], controls: { gguf: suggested('local', 'gguf', SETS), kv: suggested('local', 'kv', CACHES) } },
    { id: 'host', fields: ['cpu', 'ram', 'disk'], controls: { cpu: suggested('local', 'cpu', PROCESSORS), ram: suggested('local', 'ram', ['16GiB', '32GiB', '64GiB', '128GiB']), disk: suggested('local', 'disk', ['0.5GB/s', '3GB/s', '7GB/s']) } },
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
