// How many users there is room for, or what is missing; then what they get and what it costs.
import { html } from '../../html.js';
import { said } from '../../i18n/phrasebook.js';
import { t, woven } from '../../i18n/language.js';
import { Figure } from '../../drawer/figure.js';
import { binary, dollars, exact, percent, seconds, three, wattHours } from '../../format/number.js';
import { within } from '../shared/bands.js';
import { Facts } from '../shared/facts.js';
import { Pin } from '../shared/pin.js';
import { duration } from '../training/headline.js';
import { boundName } from '../training/breakdown.js';

/** @param {{answer: any, question: any, values: Record<string, string>}} props */
export function Headline({ answer, question, values }) {
  const { model, cluster, plan, load, fits, max_batch, memory } = answer;
  const room = memory.engine_takes;
  const needed = binary(memory.total_per_gpu);
  const opened = (/** @type {string} */ figure, /** @type {string} */ name, /** @type {string} */ text) => html`<${Figure} of=${figure} label=${name}>${text}<//>`;
  const of = { size: opened('total', t('infer.needed'), needed), room: room === null ? '?' : opened('engine_takes', t('infer.in.use'), binary(room)) };
  return html`<div class="sentence">
    <p class="of">${model.name} · ${cluster} · ${plan.quantisation} · ${plan.engine} · ${shape(plan)}</p>
    ${fits === false
      ? html`<p class="large bad"><${Figure} of="total" label=${`${t('infer.needed')} ${needed}`}>${needed}<//> <span>${woven('infer.of', of)}</span></p>
        <p class="verdict bad"><${Figure} of="missing">${t('train.fits.not', { missing: binary(-memory.free) })}<//></p>
        <p class="also">${t('infer.if')}</p>`
      : html`<p class="large"><${Figure} of="users" label=${`${t('infer.users')} ${max_batch === null ? '∞' : exact(max_batch)}`}>${max_batch === null ? '∞' : exact(max_batch)}<//> <span>${t('infer.at.once', { tokens: exact(load.prompt + load.output) })}</span></p>
        <p class="verdict ${fits ? 'good' : ''}">${woven(fits ? 'infer.fits' : 'infer.fits.only', of)}</p>`}
    <p class="also">${t('infer.load', { prompt: exact(load.prompt), output: exact(load.output), batch: exact(load.batch) })}</p>
    ${answer.untimed && html`<p class="also">${t('infer.untimed', { reason: said(answer.untimed) })}</p>`}
    ${answer.ttft_seconds !== null && html`<${Gets} answer=${answer} />`}
    <${Gives} answer=${answer} />
    <${Pin} question=${question} values=${values} name=${`${model.name} · ${cluster} · ${plan.quantisation}`} />
  </div>`;
}

/** The ranks in a few words. @param {any} plan */
function shape({ tensor, pipeline, data, expert }) {
  const sizes = [['TP', tensor], ['PP', pipeline], ['DP', data], ['EP', expert]].filter(([, size]) => Number(size) > 1);
  return sizes.map(([name, size]) => `${name}${size}`).join(' ') || t('infer.one');
}

/** What a user gets. @param {{answer: any}} props */
function Gets({ answer }) {
  const band = (/** @type {string} */ name) => within(answer.error_bands.find((/** @type {any} */ { kind }) => kind.startsWith(name)));
  const bound = (/** @type {any} */ pass) => {
    const [first, ...rest] = Object.entries(pass.by_bound).sort(([, a], [, b]) => b - a).map(([name, spent]) => `${boundName(name)} ${percent(spent / pass.seconds)}`);
    return { value: html`<span class="words">${first}</span>`, also: rest.join(t('params.comma')) };
  };
  return html`<h2 class="facts-of">${t('infer.gets')}</h2><${Facts} label=${t('infer.gets')} facts=${[
    { name: t('infer.ttft'), value: seconds(answer.ttft_seconds), of: 'ttft', also: html`<${Figure} of="ttft_alone_seconds">${t('infer.alone', { time: seconds(answer.ttft_alone_seconds) })}<//>${band('ttft') && html`<br />${band('ttft')}`}` },
    { name: t('infer.tpot'), value: seconds(answer.tpot_seconds), of: 'tpot', also: band('tpot') },
    { name: t('infer.itl'), value: seconds(answer.inter_token_seconds), of: 'inter_token_seconds', also: t('infer.itl.also') },
    { name: t('infer.whole'), value: duration(answer.end_to_end_seconds), of: 'end_to_end_seconds', also: t('infer.whole.also', { tokens: exact(answer.load.output) }) },
    { name: t('infer.user'), value: three(answer.tokens_per_second_per_user), of: 'tokens_per_second_per_user' },
    { name: t('infer.bound.prompt'), of: 'ttft_alone_seconds', ...bound(answer.prefill) },
    { name: t('infer.bound.token'), of: 'inter_token_seconds', ...bound(answer.decode) },
  ]} />`;
}

/** What the GPUs give. @param {{answer: any}} props */
function Gives({ answer }) {
  const { cost_per_million_tokens: cost, joules_per_million_tokens: joules, plan, ttft_seconds } = answer;
  const timed = ttft_seconds !== null;
  return html`<h2 class="facts-of">${t('infer.gives')}</h2><${Facts} label=${t('infer.gives')} facts=${[
    timed && { name: t('infer.gpu'), value: exact(Math.round(answer.tokens_per_second_per_gpu)), of: 'tokens_per_second_per_gpu', also: plan.gpus > 1 && html`<${Figure} of="tokens_per_second">${t('infer.all', { rate: exact(Math.round(answer.tokens_per_second)) })}<//>` },
    timed && cost && { name: t('infer.output'), value: dollars(cost.output), of: 'dollars_per_million_output', also: t('infer.price', { price: dollars(answer.price_per_gpu_hour) }) },
    timed && cost && { name: t('infer.input'), value: dollars(cost.input), of: 'dollars_per_million_input' },
    timed && !cost && { name: t('infer.output'), value: '–', also: t('infer.unpriced') },
    joules && { name: t('infer.energy'), value: wattHours(joules.output), of: 'joules_per_million_output', also: html`<${Figure} of="joules_per_million_input">${t('infer.energy.in', { energy: wattHours(joules.input) })}<//>` },
    answer.longest_context > 0 && { name: t('infer.longest'), value: exact(answer.longest_context), of: 'longest_context', also: t('infer.longest.also') },
    { name: t('infer.per.token'), value: binary(answer.kv_cache_bytes_per_token), of: 'kv_cache_bytes_per_token', also: t('infer.format.in', { format: plan.kv_cache_dtype }) },
  ]} />`;
}
