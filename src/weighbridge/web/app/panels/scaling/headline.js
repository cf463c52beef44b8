// The middle of the laws, how far they are apart, and what the budget costs.
import { html } from '../../html.js';
import { t, woven } from '../../i18n/language.js';
import { Figure } from '../../drawer/figure.js';
import { dollars, percent, short } from '../../format/number.js';
import { Facts } from '../shared/facts.js';
import { figureOf, middleOf } from './explain.js';
import { plain, power } from './looks.js';

/** @param {{answer: any}} props */
export function Headline({ answer }) {
  const { question, over_laws: over, answers } = answer;
  const many = answers.length > 1;
  const by = many ? t('scaling.middle', { count: answers.length }) : t('scaling.by', { law: answers[0].law.name });
  const asked = [question.compute && `${power(question.compute)} FLOPs`, question.parameters && t('scaling.line.size', { size: short(question.parameters) }), question.tokens && t('scaling.line.tokens', { tokens: short(question.tokens) })].filter(Boolean).join(' · ');
  return html`<div class="sentence">
    <p class="of">${t(over.times_optimal ? 'scaling.of.given' : 'scaling.of.optimal', { asked })}</p>
    ${over.times_optimal
      ? html`<p class="large"><${Of} over=${over} figure="times_optimal" say=${plain} /><span> ${t('scaling.times', { by })}</span></p>
        ${many && html`<p class="also">${woven('scaling.from.times', { span: html`<${Spread} over=${over} figure="times_optimal" say=${plain} />` })}</p>`}`
      : html`<p class="large"><${Of} over=${over} figure="parameters" /> <span>${woven('scaling.on', { tokens: html`<${Of} over=${over} figure="tokens" />`, by })}</span></p>
        ${many && html`<p class="also">${woven('scaling.from', { sizes: html`<${Spread} over=${over} figure="parameters" />`, tokens: html`<${Spread} over=${over} figure="tokens" />` })}</p>`}`}
    <${Beyond} answers=${answers} />
    <${Cost} answers=${answers} />
  </div>`;
}

/** A figure over the laws. @param {{over: any, figure: string, end?: 'low' | 'middle' | 'high', say?: (value: number) => string}} props */
function Of({ over, figure, end = 'middle', say = short }) {
  const text = say(over[figure][end]);
  return html`<${Figure} of=${middleOf(`${figure}_${end}`)} label=${`${text}, ${t(`scaling.over.${figure}`)}, ${t(`scaling.over.${end}`)}`}>${text}<//>`;
}

/** The least and the largest over the laws. @param {{over: any, figure: string, say?: (value: number) => string}} props */
const Spread = ({ over, figure, say }) => html`<${Of} over=${over} figure=${figure} end="low" say=${say} /> – <${Of} over=${over} figure=${figure} end="high" say=${say} />`;

/** How many laws are asked beyond what they were fitted on. @param {{answers: any[]}} props */
function Beyond({ answers }) {
  const outside = answers.filter((one) => one.outside.length);
  const far = outside.filter((one) => one.far_outside);
  if (!outside.length) return html`<p class="verdict good">${t('scaling.inside.all')}</p>`;
  const all = { outside: outside.length, all: answers.length };
  return html`<p class="verdict warn">${t('scaling.outside.some', all)}${far.length > 0 && html` <span>${t('scaling.outside.far', { laws: far.map((one) => one.law.name).join(', ') })}</span>`}</p>`;
}

/** Days and dollars: the same for all laws that spend the same. @param {{answers: any[]}} props */
function Cost({ answers }) {
  const [{ cost, compute, law }] = answers;
  const of = (/** @type {string} */ figure) => figureOf(law.name, 'cost', figure);
  if (!cost || answers.some((one) => one.compute !== compute)) return null;
  return html`<${Facts} label=${t('scaling.cost')} facts=${[
    { name: t('scaling.days'), value: plain(cost.days), of: of('days'), also: cost.cluster },
    { name: t('scaling.gpu.hours'), value: short(cost.gpu_hours), of: of('gpu_hours'), also: t('scaling.at', { mfu: percent(cost.mfu), precision: cost.precision }) },
    cost.dollars !== null && { name: t('scaling.dollars'), value: dollars(cost.dollars), of: of('dollars'), also: t('scaling.price', { price: dollars(cost.dollars_per_gpu_hour) }) },
  ]} />`;
}
