// Plans that were kept on other panels, side by side: memory against what a GPU has, speed, price.
import { useEffect, useState } from 'preact/hooks';
import { html } from '../../html.js';
import { Said } from '../../i18n/said.js';
import { t } from '../../i18n/language.js';
import { Chart } from '../../charts/chart.js';
import { binary, dollars, exact, percent, seconds, short, three } from '../../format/number.js';
import { modelOf } from '../../model/model.js';
import { modelLine } from '../../model/picker.js';
import { panelOf } from '../index.js';
import { ledgerOf as ledgerOfServing } from '../inference/memory.js';
import { barsOption } from '../shared/memory.js';
import { useMany } from '../shared/many.js';
import { clusterLine } from '../shared/cluster.js';
import { planLine } from '../training/headline.js';
import { ledgerOf as ledgerOfTraining } from '../training/stages.js';
import { SideBySide } from './side.js';

/** @typedef {import('../../state/address.js').State} State */
/** @typedef {import('../../state/question.js').Question} Question */
/** @typedef {{question: Question | null, wrong: string}} Asked */
/** @typedef {{plan: State, number: number, answer: any, problems: {field: string, message: string}[]}} Kept */

/** Kinds of plans, each compared among its like. */
const KINDS = [['train', 'megatron'], ['infer']];

/** @param {{plans: State[]}} props */
export function Plans({ plans }) {
  const asked = useQuestions(plans);
  const heard = useMany('compare-plans', asked.map(({ question }) => question));
  const kept = plans.map((plan, place) => ({ plan, number: place + 1, answer: heard[place]?.answer ?? null, problems: asked[place].wrong ? [{ field: 'model', message: asked[place].wrong }] : heard[place]?.problems ?? [] }));
  return html`<div class="sentence"><p class="of">${t('compare.plans.of', { count: plans.length })}</p></div>
    ${kept.filter(({ problems }) => problems.length).map(({ plan, number, problems }) => html`<div class="told wrong" role="alert"><h2>${number}. ${modelLine(plan.values)}</h2><${Said} of="p" text=${problems.map(({ message }) => message).join('; ')} /></div>`)}
    ${kept.some(({ answer, problems }) => !answer && !problems.length) && html`<p class="working" role="status">${t('frame.working')}</p>`}
    <${Memory} kept=${kept.filter(({ plan, answer }) => answer && KINDS.flat().includes(plan.panel))} />
    ${KINDS.map((panels, place) => html`<${Like} key=${place} kept=${kept.filter(({ plan, answer }) => answer && panels.includes(plan.panel))} serving=${place === 1} />`)}`;
}

/** The questions of plans; ``null`` for one whose model is unpacked first, or for which something is wrong with it. @param {State[]} plans @returns {Asked[]} */
function useQuestions(plans) {
  const key = JSON.stringify(plans);
  const [found, set] = useState(/** @type {{key: string, asked: Asked[]}} */ ({ key: '', asked: [] }));
  useEffect(() => {
    let stale = false;
    void Promise.all(plans.map(({ panel, values }) => modelOf(values).then(({ model, files, held }) => {
      const asked = panelOf(panel).question(values, model);
      return { question: asked && { ...asked, ...(files && { files }), ...(held && { held }) }, wrong: '' };
    }).catch((error) => ({ question: null, wrong: error.message })))).then((asked) => stale || set({ key, asked }));
    return () => void (stale = true);
  }, [key]);
  return found.key === key ? found.asked : plans.map(() => ({ question: null, wrong: '' }));
}

/** @param {Kept} kept */
const nameOf = ({ number, answer }) => `${number}. ${answer.model.name}`;

/** The memory of the fullest GPU of each. @param {{kept: Kept[]}} props */
function Memory({ kept }) {
  if (!kept.length) return null;
  const bars = kept.map((one) => ({ name: nameOf(one), ledger: one.plan.panel === 'infer' ? ledgerOfServing(one.answer.memory) : ledgerOfTraining(fullest(one.answer)), total: totalOf(one) }));
  const rooms = new Set(kept.map(roomOf));
  const [room] = rooms.size === 1 ? rooms : [null];
  const title = t('compare.plans.memory');
  const label = `${title}: ${kept.map((one) => `${nameOf(one)} ${binary(totalOf(one))}`).join(', ')}`;
  return html`<section class="view"><h2>${title}</h2>
    <${Chart} name="compare-plans-memory" label=${label} of=${JSON.stringify(bars)} height=${70 + 40 * bars.length} option=${() => barsOption(bars, room)} /></section>`;
}

/** The rank whose device holds most. @param {any} answer */
const fullest = ({ ranks, fullest_stage: stage }) => ranks[stage];

/** @param {Kept} kept @returns {number | null} */
function roomOf({ plan, answer }) {
  return plan.panel === 'infer' ? answer.memory.engine_takes : fullest(answer).capacity_bytes;
}

/** @param {Kept} kept */
const totalOf = ({ plan, answer }) => (plan.panel === 'infer' ? answer.memory.total_per_gpu : fullest(answer).device_total_bytes);

/** @param {boolean | null} fits */
const fit = (fits) => (fits === null ? '–' : html`<span class=${fits ? 'good' : 'bad'}>${t(fits ? 'compare.fits' : 'compare.fits.not')}</span>`);

/** A text that breaks where its column is narrow. @param {string} text */
const small = (text) => html`<span class="small">${text}</span>`;

const whole = (/** @type {number} */ value) => exact(Math.round(value));

/** @param {{kept: Kept[], serving: boolean}} props */
function Like({ kept, serving }) {
  if (!kept.length) return null;
  return html`<${SideBySide} title=${t(serving ? 'compare.plans.serving' : 'compare.plans.training')} file=${serving ? 'compare-serving-plans' : 'compare-training-plans'} names=${kept.map(nameOf)} things=${kept} rows=${serving ? servingRows() : trainingRows()} />`;
}

/** @returns {import('./side.js').Row[]} */
function trainingRows() {
  const of = (/** @type {(answer: any) => any} */ get) => (/** @type {Kept} */ { answer }) => get(answer) ?? null;
  return [
    { name: t('field.cluster'), of: ({ plan }) => plan.values.cluster ?? null, say: (text) => small(clusterLine(text)) },
    { name: t('compare.plan'), of: of((a) => planLine(a.plan)), say: small },
    { name: t('field.framework'), of: of((a) => a.plan.framework) },
    { name: t('field.optimizer'), of: of((a) => a.plan.optimizer) },
    { name: t('field.recompute'), of: of((a) => recomputed(a.plan.recompute)) },
    { name: t('compare.fit'), of: of((a) => a.fits), say: fit },
    { name: t('memory.device'), of: totalOf, say: binary, better: 'less', times: true },
    { name: t('memory.allocated'), of: of((a) => a.ranks[a.worst_stage].peak_allocated_bytes), say: binary, better: 'less', times: true },
    { name: t('train.step'), of: of((a) => a.time?.step_seconds), say: seconds },
    { name: t('train.tokens'), of: of((a) => a.time?.tokens_per_second), say: short, better: 'more', times: true },
    { name: 'MFU', of: of((a) => a.time?.mfu), say: percent, better: 'more' },
    { name: t('train.days'), of: of((a) => a.cost?.days), say: three, better: 'less', times: true },
    { name: t('train.gpu.hours'), of: of((a) => a.cost?.gpu_hours), say: short, better: 'less', times: true },
    { name: t('train.dollars'), of: of((a) => a.cost?.dollars), say: dollars, better: 'less', times: true },
  ];
}

/** @returns {import('./side.js').Row[]} */
function servingRows() {
  const of = (/** @type {(answer: any) => any} */ get) => (/** @type {Kept} */ { answer }) => get(answer) ?? null;
  return [
    { name: t('field.cluster'), of: ({ plan }) => plan.values.cluster ?? null, say: (text) => small(clusterLine(text)) },
    { name: t('field.quant'), of: of((a) => a.plan.quantisation) },
    { name: t('field.engine'), of: of((a) => a.plan.engine) },
    { name: t('compare.fit'), of: of((a) => a.fits), say: fit },
    { name: t('serve.needed'), of: totalOf, say: binary, better: 'less', times: true },
    { name: t('serve.users'), of: of((a) => a.max_batch), say: exact, better: 'more', times: true },
    { name: t('serve.longest'), of: of((a) => a.longest_context), say: exact, better: 'more' },
    { name: t('serve.ttft'), of: of((a) => a.ttft_seconds), say: seconds, better: 'less', times: true },
    { name: t('serve.tpot'), of: of((a) => a.tpot_seconds), say: seconds, better: 'less', times: true },
    { name: t('serve.gpu'), of: of((a) => a.tokens_per_second_per_gpu), say: whole, better: 'more', times: true },
    { name: t('serve.million'), of: of((a) => a.cost_per_million_tokens?.output), say: dollars, better: 'less', times: true },
  ];
}

/** What is worked out again in the backward pass, by the words of the command line. @param {{method: string | null, layers: number | null, modules: string[], saves: unknown}} plan */
function recomputed({ method, modules, saves }) {
  if (saves) return 'per-op';
  return modules.length ? modules.join(', ') : method && method !== 'none' ? `full, ${method}` : 'none';
}
