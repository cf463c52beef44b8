// What the laws say: the middle of them first, then pictures, then law by law.
import { html } from '../../html.js';
import { t } from '../../i18n/language.js';
import { useAnswer } from '../../engine/engine.js';
import { exact, short } from '../../format/number.js';
import { Wrong } from '../shared/wrong.js';
import { Frontiers } from './frontiers.js';
import { Headline } from './headline.js';
import { Laws } from './laws_table.js';
import { Extras, Lifetimes, Off } from './more_tables.js';
import { Runs } from './runs.js';
import { Valleys } from './valleys.js';

/** @param {{answer: any, question: any}} props */
export function ScalingAnswer({ answer, question }) {
  const drawn = useAnswer('scaling-curves', { ...question, with: ['curves'] });
  const { answers } = answer;
  return html`<${Headline} answer=${answer} />
    <${Wrong} told=${drawn} />
    ${drawn.answer && html`<div class=${drawn.pending ? 'stale' : ''}><${Frontiers} answer=${drawn.answer} /></div>`}
    <${Laws} answer=${answer} />
    <${Off} answers=${answers} />
    <${Lifetimes} answers=${answers} />
    ${drawn.answer && html`<div class=${drawn.pending ? 'stale' : ''}><${Valleys} answer=${drawn.answer} /></div>`}
    <${Extras} answers=${answers} />
    <${Runs} answers=${answers} />
    <${Said} answer=${answer} />`;
}

/** What the reader should know, in words of the page; what a law's own paper says stands with the law. @param {{answer: any}} props */
function Said({ answer: { answers, question, unrepeated: once } }) {
  const unique = question.unique_tokens;
  const level = answers.find((/** @type {any} */ one) => one.intervals)?.intervals.level;
  return html`<section class="notes"><h2>${t('notes.title')}</h2>
    <p>${t('scaling.note.losses')}</p>
    ${level && html`<p>${t('scaling.note.intervals', { level: exact(level * 100) })}</p>`}
    ${answers.some((/** @type {any} */ one) => one.loss === null) && html`<p>${t('scaling.note.none')}</p>`}
    ${answers.filter((/** @type {any} */ one) => one.passes).map((/** @type {any} */ one) => html`<p>${t('scaling.note.passes', { law: one.law.name, passes: exact(Number(one.passes.toPrecision(3))), unique: short(unique) })}</p>`)}
    ${once.length > 0 && html`<p>${t('scaling.note.once', { unique: short(unique), laws: once.join(', ') })}</p>`}
    ${answers.some((/** @type {any} */ one) => one.cost) && html`<p>${t('scaling.note.cost')}</p>`}</section>`;
}
