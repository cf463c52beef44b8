// What would make it fit, free memory or shorten the step.
import { html } from '../../html.js';
import { t } from '../../i18n/language.js';
import { binary, exact, percent, seconds } from '../../format/number.js';
import { Changes } from '../shared/changes.js';

/** @param {{answer: any, ask: string, stale: boolean}} props */
export function Helps({ answer, ask, stale }) {
  const { fits, changes, changes_add_up: together, time } = answer;
  const hint = together ? t('changes.together') : '';
  return html`<div class=${stale ? 'stale' : ''}>
    <${Changes} title=${t(fits === false ? 'changes.fit' : 'changes.memory')} hint=${hint} ask=${ask} changes=${changes} gives=${frees} />
    ${time && html`<${Changes} title=${t(fits === false ? 'changes.quickest' : 'changes.time')} ask=${ask} changes=${time.changes} gives=${saves} />`}</div>`;
}

/** @param {any} one */
function frees({ frees_bytes, device_total_bytes, fits, more_flops: more }) {
  const words = [t('changes.frees', { size: binary(frees_bytes), then: binary(device_total_bytes) })];
  if (fits !== null) words.push(t(fits ? 'changes.fits' : 'changes.fits.not'));
  if (more > 0) words.push(t('changes.flops', { share: percent(more) }));
  return words.join(t('changes.comma'));
}

/** @param {any} one */
function saves({ step_seconds: step, saves: share, tokens_per_second_per_gpu: rate, device_total_bytes: bytes }) {
  const words = [t('changes.step', { step: seconds(step) })];
  if (share !== null) words.push(t('changes.saves', { share: percent(share) }));
  words.push(t('train.tokens.gpu', { rate: exact(Math.round(rate)) }), t('changes.then', { size: binary(bytes) }));
  return words.join(t('changes.comma'));
}
