// The answer about a training step: fits or not first, then why, then what to do.
import { html } from '../../html.js';
import { t } from '../../i18n/language.js';
import { said } from '../../i18n/phrasebook.js';
import { keyOf } from '../../state/question.js';
import { useAnswer } from '../../engine/engine.js';
import { Notes } from '../../frame/notes.js';
import { Bands } from '../shared/bands.js';
import { Wrong } from '../shared/wrong.js';
import { Breakdown } from './breakdown.js';
import { Helps } from './helps.js';
import { EmittedPlan } from './emit.js';
import { Headline } from './headline.js';
import { RunTable } from './run.js';
import { Stages } from './stages.js';
import { Timeline } from './timeline.js';
import { ModuleTree } from './module_tree.js';
import { Tuning } from './tuning.js';

/** @typedef {import('../../state/question.js').Question} Question */

/** @param {{answer: any, question: Question, values: Record<string, string>}} props */
export function TrainingAnswer({ answer, question, values }) {
  const stage = Number(values[keyOf(question.ask, 'stage')] ?? NaN);
  const shown = stage < answer.ranks.length ? { ...question, options: { ...question.options, stage } } : question;
  const drawn = useAnswer('train-timeline', { ...shown, with: ['timeline'] });
  const advised = useAnswer('train-advice', { ...question, options: { ...question.options, advice: true } });
  const { warnings, notes, model } = answer;
  return html`
    <${Headline} answer=${answer} question=${question} values=${values} />
    <${Stages} answer=${answer} />
    <${Wrong} told=${advised} />
    ${advised.answer && html`<${Helps} answer=${advised.answer} ask=${question.ask} stale=${advised.pending} />`}
    <${Wrong} told=${drawn} />
    ${drawn.answer && html`<${Timeline} answer=${drawn.answer} question=${question} values=${values} />`}
    ${answer.time && html`<${Breakdown} answer=${answer} />`}
    ${answer.cost && html`<${RunTable} answer=${answer} />`}
    ${answer.tuning && html`<${Tuning} answer=${answer} />`}
    <${ModuleTree} question=${shown} />
    <${EmittedPlan} question=${question} />
    <${Bands} bands=${[...answer.error_bands, answer.time?.error_band]} />
    <${Notes} notes=${[...warnings, ...notes]} source=${model.source} />`;
}

/** @param {string} name */
export const fileOf = (name) => name.replace(/[^\w.-]+/g, '-');

/** Where the peak stands, in words. @param {any} rank */
export function peakLine({ pipeline_stage: stage, peak_at: { operation, module, layer, direction } }) {
  const done = said(operation);
  const what = layer === null ? module || done : t('train.layer', { layer });
  return t(`train.peak.${direction.replaceAll(' ', '_')}`, { stage, what, operation: done });
}
