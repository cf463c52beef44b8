// Fits or not, with the figure people came for; then speed, days and dollars.
import { html } from '../../html.js';
import { t } from '../../i18n/language.js';
import { Figure } from '../../drawer/figure.js';
import { binary, dollars, exact, percent, seconds, short, three } from '../../format/number.js';
import { within } from '../shared/bands.js';
import { Facts } from '../shared/facts.js';
import { Pin } from '../shared/pin.js';
import { peakLine } from './answer.js';

/** @param {{answer: any, question: any, values: Record<string, string>}} props */
export function Headline({ answer, question, values }) {
  const { model, cluster, plan, fits, ranks, worst_stage, fullest_stage, error_bands } = answer;
  const rank = ranks[fullest_stage];
  const total = rank.device_total_bytes;
  const capacity = rank.capacity_bytes;
  const band = error_bands.find((/** @type {any} */ { kind }) => kind.startsWith('device_total')) ?? error_bands[0];
  return html`<div class="sentence">
    <p class="of">${model.name} · ${cluster ?? t('train.no.cluster')} · ${planLine(plan)}</p>
    <p class="large ${fits === false ? 'bad' : ''}"><${Figure} of=${`line:device_total:${rank.pipeline_stage}`} label=${`${t('train.total')} ${binary(total)}`}>${binary(total)}<//>
      ${' '}<span>${capacity ? t('train.of', { capacity: binary(capacity) }) : t('train.each')}</span></p>
    <p class="verdict ${fits === false ? 'bad' : 'good'}">${fits !== null && html`<${Figure} of=${`line:free:${rank.pipeline_stage}`}>${fits ? t('train.fits', { left: binary(rank.free_bytes) }) : t('train.fits.not', { missing: binary(-rank.free_bytes) })}<//>`}
      ${' '}<span>${answer.too_close ? `${t('train.too.close')} ` : ''}${within(band)}</span></p>
    <p class="also">${peakLine(ranks[worst_stage])}</p>
    <${Speed} answer=${answer} />
    <${Pin} question=${question} values=${values} name=${`${model.name} · ${planLine(plan)}`} />
  </div>`;
}

/** The plan in a few words. @param {any} plan */
export function planLine({ gpus, tensor, pipeline, context, expert, data, micro_batch, sequence }) {
  const degrees = [['TP', tensor], ['PP', pipeline], ['CP', context], ['EP', expert], ['DP', data]].filter(([, size]) => Number(size) > 1);
  const shape = degrees.map(([name, size]) => `${name}${size}`).join(' ') || `${gpus} GPU`;
  return `${shape} · ${t('train.batch.line', { micro: exact(micro_batch), seq: exact(sequence) })}`;
}

/** @param {{answer: any}} props */
function Speed({ answer: { time, cost, flops, tuning } }) {
  const epoch = tuning?.epoch;
  return html`<${Facts} label=${t('train.speed')} facts=${[
    time && { name: t('train.step'), value: seconds(time.step_seconds), of: 'speed:step_seconds', also: within(time.error_band) },
    time && { name: t('train.tokens'), value: short(time.tokens_per_second), of: 'speed:tokens_per_second', also: html`<${Figure} of="speed:tokens_per_second_per_gpu">${t('train.tokens.gpu', { rate: exact(Math.round(time.tokens_per_second_per_gpu)) })}<//>` },
    time && { name: 'MFU', value: percent(time.mfu), of: 'speed:mfu', also: html`<${Figure} of="speed:model_tflops_per_gpu">${three(time.model_tflops_per_gpu)} TFLOP/s<//> · HFU <${Figure} of="speed:hfu">${percent(time.hfu)}<//>` },
    !time && { name: t('train.work'), value: short(flops.model_per_step) },
    cost && { name: t('train.days'), value: three(cost.days), of: 'cost:days', also: html`<${Figure} of="cost:goodput">${t('train.goodput', { share: percent(cost.goodput) })}<//>` },
    cost?.dollars != null && { name: t('train.dollars'), value: dollars(cost.dollars), of: 'cost:dollars', also: t('train.price', { price: dollars(cost.price_per_gpu_hour) }) },
    cost && { name: t('train.gpu.hours'), value: short(cost.gpu_hours), of: 'cost:gpu_hours' },
    tuning && { name: t('train.trained'), value: short(tuning.trained_parameters), of: 'trained:trained_parameters', also: percent(tuning.trained_parameters / tuning.parameters) },
    tuning?.longest_sequence && { name: t('train.longest'), value: exact(tuning.longest_sequence) },
    epoch && { name: t('train.epoch'), value: epoch.seconds === null ? exact(epoch.steps) : duration(epoch.seconds), of: epoch.seconds === null ? 'epoch:steps' : 'epoch:epoch_seconds', also: epoch.dollars === null ? '' : html`<${Figure} of="epoch:dollars">${dollars(epoch.dollars)}<//>` },
  ]} />`;
}

/** Seconds, hours or days. @param {number} value */
export function duration(value) {
  if (value < 120) return seconds(value);
  if (value < 7200) return t('train.minutes', { value: three(value / 60) });
  return value < 172_800 ? t('train.hours', { value: three(value / 3600) }) : t('train.days.value', { value: three(value / 86_400) });
}
