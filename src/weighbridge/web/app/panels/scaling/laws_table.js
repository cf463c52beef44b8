// Laws side by side.
import { html } from '../../html.js';
import { t, woven } from '../../i18n/language.js';
import { dollars, short } from '../../format/number.js';
import { styled } from '../../charts/colours.js';
import { Table } from '../shared/table.js';
import { Opens } from './opens.js';
import { between, lookOf, nats, plain, power } from './looks.js';

/** @param {{law: string}} props */
export const LawName = ({ law }) => html`<i class="dot" style=${{ background: lookOf(law, styled('--ink')).colour }}></i>${law}`;

/** @param {{answer: any}} props */
export function Laws({ answer: { answers, over_laws: over } }) {
  const one = answers.every((/** @type {any} */ a) => a.compute === answers[0].compute);
  const given = over.times_optimal !== null;
  const priced = answers[0].cost;
  const columns = [{ name: t('scaling.law') }, ...['scaling.parameters', 'scaling.tokens', 'scaling.ratio'].map((key) => ({ name: t(key), number: true })), ...(one ? [] : [{ name: 'FLOPs', number: true }]),
    { name: t('scaling.loss'), number: true }, ...(!one && priced ? [{ name: t('scaling.days'), number: true }, { name: t('scaling.dollars'), number: true }] : []), { name: t('scaling.outside') }];
  return html`<${Table} title=${t('scaling.table')} file="scaling-laws" columns=${columns} lines=${answers.map((/** @type {any} */ a) => ({ key: a.law.name, cells: [
    { raw: a.law.name, text: html`<${LawName} law=${a.law.name} /><cite class="span" lang="en">${a.law.title}</cite>` },
    { raw: a.parameters, text: html`<${Given} answer=${a} line="parameters" symbol="N" value=${a.parameters} say=${short} span=${given ? null : a.intervals?.parameters} />${a.total_parameters && html`<span class="span">${woven('scaling.of.all', { all: html`<${Given} answer=${a} line="total_parameters" symbol="total_parameters" value=${a.total_parameters} say=${short} />` })}</span>`}` },
    { raw: a.tokens, text: html`<${Given} answer=${a} line="tokens" symbol="D" value=${a.tokens} say=${short} span=${given ? null : a.intervals?.tokens} />` },
    { raw: a.tokens_per_parameter, text: html`<${Given} answer=${a} line="tokens_per_parameter" symbol="tokens_per_parameter" value=${a.tokens_per_parameter} say=${plain} span=${given ? null : a.intervals?.tokens_per_parameter} />` },
    ...(one ? [] : [{ raw: a.compute, text: html`<${Given} answer=${a} line="compute" symbol="C" value=${a.compute} say=${power} />` }]),
    { raw: a.loss, text: a.loss === null ? '–' : html`<${Given} answer=${a} line="loss" symbol="loss" value=${a.loss} say=${nats} span=${a.intervals?.loss} />` },
    ...(!one && priced ? [{ raw: a.cost.days, text: html`<${Given} answer=${a} line="cost" symbol="days" value=${a.cost.days} say=${plain} />` }, { raw: a.cost.dollars, text: a.cost.dollars === null ? '–' : html`<${Given} answer=${a} line="cost" symbol="dollars" value=${a.cost.dollars} say=${dollars} />` }] : []),
    { raw: a.outside.length ? a.outside[0].times : 1, text: html`<${Outside} answer=${a} />` }] }))} />`;
}

/** A figure, with its interval below it; it opens its formula where the law has one. @param {any} props */
function Given({ answer, line, symbol, value, say, span }) {
  return html`<${Opens} answer=${answer} line=${line} symbol=${symbol} label=${t(`scaling.figure.${symbol}`)} text=${say(value)} /><${Span} span=${span} say=${say} />`;
}

/** @param {any} props */
function Span({ span, say }) {
  return span ? html`<span class="span">${between(span, say)}</span>` : null;
}

/** Inside the runs, or how many times outside. @param {{answer: any}} props */
export function Outside({ answer }) {
  const { outside, far_outside: far } = answer;
  if (!outside.length) return html`<span class="good">${t('scaling.inside')}</span>`;
  return html`<span class=${far ? 'bad' : 'warn'}>${woven(far ? 'scaling.far' : 'scaling.beyond', { times: html`<${Times} answer=${answer} out=${outside[0]} />` })}</span>`;
}

/** How many times a quantity lies beyond the runs. @param {{answer: any, out: any}} props */
export const Times = ({ answer, out: { quantity, times } }) => html`<${Opens} answer=${answer} line="outside" symbol=${`${quantity}_outside`} label=${t('scaling.runs.out', { what: t(`scaling.quantity.${quantity}`), times: '' }).trim()} text=${plain(times)} />`;
