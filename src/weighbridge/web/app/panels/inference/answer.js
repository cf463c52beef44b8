// The answer about a deployment.
import { html } from '../../html.js';
import { t } from '../../i18n/language.js';
import { useAnswer } from '../../engine/engine.js';
import { Figure } from '../../drawer/figure.js';
import { Notes } from '../../frame/notes.js';
import { binary, decimal, dollars, exact, seconds, three } from '../../format/number.js';
import { Bands, within } from '../shared/bands.js';
import { Changes } from '../shared/changes.js';
import { Facts } from '../shared/facts.js';
import { Pin } from '../shared/pin.js';
import { Contexts } from './contexts.js';
import { Formats } from './formats.js';
import { Memory } from './memory.js';
import { Passes } from './passes.js';
import { Users } from './users.js';

/** @param {{answer: any, question: any, values: Record<string, string>}} props */
export function InferenceAnswer({ answer, question, values }) {
  const drawn = useAnswer('infer-users', { ...question, with: ['users'] });
  const advised = useAnswer('infer-advice', { ...question, options: { ...question.options, advice: true } });
  return html`
    <${Headline} answer=${answer} question=${question} values=${values} />
    <${Memory} answer=${answer} />
    ${advised.answer && html`<div class=${advised.pending ? 'stale' : ''}><${Changes} title=${t(answer.fits === false ? 'changes.fit' : 'infer.better')} ask="infer" changes=${advised.answer.changes} gives=${gives} /></div>`}
    ${drawn.answer && html`<${Contexts} answer=${drawn.answer} /><${Users} answer=${drawn.answer} />`}
    <${Formats} question=${question} />
    ${answer.prefill && html`<${Passes} answer=${answer} />`}
    <${Bands} bands=${answer.error_bands} />
    <${Notes} notes=${answer.untimed ? [answer.untimed, ...answer.notes] : answer.notes} source=${answer.model.source} />`;
}

/** @param {{answer: any, question: any, values: Record<string, string>}} props */
function Headline({ answer, question, values }) {
  const { model, cluster, plan, load, fits, max_batch, memory } = answer;
  const bad = fits === false;
  const room = memory.engine_takes ?? memory.capacity;
  return html`<div class="sentence">
    <p class="of">${model.name} · ${cluster} · ${plan.quantisation} · ${plan.engine} · ${shape(plan)}</p>
    ${bad
      ? html`<p class="large bad"><${Figure} of="weights" label=${t('infer.needed')}>${binary(memory.total_per_gpu)}<//> <span>${t('infer.of', { room: binary(room) })}</span></p>
        <p class="verdict bad">${t('train.fits.not', { missing: binary(memory.total_per_gpu - room) })}</p>`
      : html`<p class="large"><${Figure} of="kv_cache" label=${t('infer.users')}>${max_batch === null ? '∞' : exact(max_batch)}<//> <span>${t('infer.at.once', { tokens: exact(load.prompt + load.output) })}</span></p>
        <p class="verdict good">${t('infer.fits', { size: binary(memory.total_per_gpu), room: room === null ? '?' : binary(room) })}</p>`}
    <p class="also">${t('infer.load', { prompt: exact(load.prompt), output: exact(load.output), batch: exact(load.batch) })}</p>
    <${Speed} answer=${answer} />
    <${Pin} question=${question} values=${values} name=${`${model.name} · ${cluster} · ${plan.quantisation}`} />
  </div>`;
}

/** @param {any} plan */
function shape({ tensor, pipeline, data, expert }) {
  const sizes = [['TP', tensor], ['PP', pipeline], ['DP', data], ['EP', expert]].filter(([, size]) => Number(size) > 1);
  return sizes.map(([name, size]) => `${name}${size}`).join(' ') || t('infer.one');
}

/** @param {{answer: any}} props */
function Speed({ answer }) {
  const band = (/** @type {string} */ name) => within(answer.error_bands.find((/** @type {any} */ { kind }) => kind.startsWith(name)));
  const cost = answer.cost_per_million_tokens;
  return html`<${Facts} label=${t('train.speed')} facts=${[
    answer.ttft_seconds !== null && { name: t('infer.ttft'), value: seconds(answer.ttft_seconds), also: band('ttft') },
    answer.tpot_seconds !== null && { name: t('infer.tpot'), value: seconds(answer.tpot_seconds), also: band('tpot') },
    answer.tokens_per_second_per_user !== null && { name: t('infer.user'), value: t('infer.rate', { rate: three(answer.tokens_per_second_per_user) }) },
    answer.tokens_per_second_per_gpu !== null && { name: t('infer.gpu'), value: t('infer.rate', { rate: exact(Math.round(answer.tokens_per_second_per_gpu)) }) },
    cost && { name: t('infer.output'), value: dollars(cost.output), also: t('infer.input', { price: dollars(cost.input) }) },
    answer.longest_context !== null && { name: t('infer.longest'), value: exact(answer.longest_context) },
    { name: t('infer.per.token'), value: binary(answer.kv_cache_bytes_per_token), of: 'kv_cache', also: decimal(answer.kv_cache_bytes_per_token) },
    answer.end_to_end_seconds !== null && { name: t('infer.whole'), value: seconds(answer.end_to_end_seconds) },
  ]} />`;
}

/** @param {any} one */
function gives({ fits, total_per_gpu, max_batch, ttft_seconds, tpot_seconds, tokens_per_second_per_gpu: rate }) {
  return [
    fits !== null && t(fits ? 'changes.fits' : 'changes.fits.not'),
    t('changes.then', { size: binary(total_per_gpu) }),
    max_batch !== null && t('infer.gives.users', { users: exact(max_batch) }),
    ttft_seconds !== null && `${t('infer.ttft')} ${seconds(ttft_seconds)}`,
    tpot_seconds !== null && `${t('infer.tpot')} ${seconds(tpot_seconds)}`,
    rate !== null && t('train.tokens.gpu', { rate: exact(Math.round(rate)) }),
  ].filter(Boolean).join(t('changes.comma'));
}
