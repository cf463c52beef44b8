// The answer about a deployment.
import { html } from '../../html.js';
import { t } from '../../i18n/language.js';
import { useAnswer } from '../../engine/engine.js';
import { Notes } from '../../frame/notes.js';
import { binary, exact, seconds } from '../../format/number.js';
import { Bands } from '../shared/bands.js';
import { Changes } from '../shared/changes.js';
import { Wrong } from '../shared/wrong.js';
import { Contexts } from './contexts.js';
import { Formats } from './formats.js';
import { Headline } from './headline.js';
import { Launch } from './launch.js';
import { Memory } from './memory.js';
import { Passes } from './passes.js';
import { Users } from './users.js';

/** @param {{answer: any, question: any, values: Record<string, string>}} props */
export function InferenceAnswer({ answer, question, values }) {
  const drawn = useAnswer('infer-users', { ...question, with: ['users'] });
  const advised = useAnswer('infer-advice', { ...question, options: { ...question.options, advice: true } });
  const changes = advised.answer?.changes ?? [];
  const { plan, load } = answer;
  const now = { tp: plan.tensor, pp: plan.pipeline, dp: plan.data, ep: plan.expert, batch: load.batch };
  return html`
    <${Headline} answer=${answer} question=${question} values=${values} />
    <${Memory} answer=${answer} />
    <${Wrong} told=${advised} />
    ${changes.length > 0 && html`<div class=${advised.pending ? 'stale' : ''}><${Changes} title=${t(answer.fits === false ? 'changes.fit' : 'infer.better')} hint=${t('infer.bits.hint')} ask="infer" changes=${changes} gives=${gives} now=${now} /></div>`}
    <${Wrong} told=${drawn} />
    ${drawn.answer && html`<div class=${drawn.pending ? 'stale' : ''}><${Users} answer=${drawn.answer} /><${Contexts} answer=${drawn.answer} /></div>`}
    <${Formats} question=${question} answer=${answer} />
    ${answer.prefill && html`<${Passes} answer=${answer} />`}
    <${Launch} question=${question} answer=${answer} />
    <${Bands} bands=${answer.error_bands} />
    <${Notes} notes=${answer.untimed ? [answer.untimed, ...answer.notes] : answer.notes} source=${answer.model.source} />`;
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
