// The middle of the laws, how far they are apart, and what the budget costs.
import { html } from '../../html.js';
import { t } from '../../i18n/language.js';
import { dollars, percent, short } from '../../format/number.js';
import { Facts } from '../shared/facts.js';
import { between, plain, power } from './looks.js';

/** @param {{answer: any}} props */
export function Headline({ answer }) {
  const { question, over_laws: over, answers } = answer;
  const many = answers.length > 1;
  const by = many ? t('scaling.middle', { count: answers.length }) : t('scaling.by', { law: answers[0].law.name });
  const asked = [question.compute && `${power(question.compute)} FLOPs`, question.parameters && t('scaling.line.size', { size: short(question.parameters) }), question.tokens && t('scaling.line.tokens', { tokens: short(question.tokens) })].filter(Boolean).join(' · ');
  return html`<div class="sentence">
    <p class="of">${t(over.times_optimal ? 'scaling.of.given' : 'scaling.of.optimal', { asked })}</p>
    ${over.times_optimal
      ? html`<p class="large">${plain(over.times_optimal.middle)}<span> ${t('scaling.times', { by })}</span></p>
        ${many && html`<p class="also">${t('scaling.from.times', { span: between(over.times_optimal, plain) })}</p>`}`
      : html`<p class="large">${short(over.parameters.middle)} <span>${t('scaling.on', { tokens: short(over.tokens.middle), by })}</span></p>
        ${many && html`<p class="also">${t('scaling.from', { sizes: between(over.parameters), tokens: between(over.tokens) })}</p>`}`}
    <${Beyond} answers=${answers} />
    <${Cost} answers=${answers} />
  </div>`;
}

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
  const [{ cost, compute }] = answers;
  if (!cost || answers.some((one) => one.compute !== compute)) return null;
  return html`<${Facts} label=${t('scaling.cost')} facts=${[
    { name: t('scaling.days'), value: plain(cost.days), also: cost.cluster },
    { name: t('scaling.gpu.hours'), value: short(cost.gpu_hours), also: t('scaling.at', { mfu: percent(cost.mfu), precision: cost.precision }) },
    cost.dollars !== null && { name: t('scaling.dollars'), value: dollars(cost.dollars), also: t('scaling.price', { price: dollars(cost.dollars_per_gpu_hour) }) },
  ]} />`;
}
