// Laws side by side.
import { html } from '../../html.js';
import { t } from '../../i18n/language.js';
import { dollars, short } from '../../format/number.js';
import { styled } from '../../charts/colours.js';
import { Figure } from '../../drawer/figure.js';
import { Table } from '../shared/table.js';
import { between, lookOf, nats, plain, power } from './looks.js';

/** @typedef {import('./answer.js').Explained} Explained */

/** @param {{law: string}} props */
export const LawName = ({ law }) => html`<i class="dot" style=${{ background: lookOf(law, styled('--ink')).colour }}></i>${law}`;

/** @param {{answer: any, explained: Explained}} props */
export function Laws({ answer: { answers, over_laws: over }, explained }) {
  const one = answers.every((/** @type {any} */ a) => a.compute === answers[0].compute);
  const given = over.times_optimal !== null;
  const priced = answers[0].cost;
  const columns = [{ name: t('scaling.law') }, ...['scaling.parameters', 'scaling.tokens', 'scaling.ratio'].map((key) => ({ name: t(key), number: true })), ...(one ? [] : [{ name: 'FLOPs', number: true }]),
    { name: t('scaling.loss'), number: true }, ...(!one && priced ? [{ name: t('scaling.days'), number: true }, { name: t('scaling.dollars'), number: true }] : []), { name: t('scaling.outside') }];
  return html`<${Table} title=${t('scaling.table')} file="scaling-laws" columns=${columns} lines=${answers.map((/** @type {any} */ a) => ({ key: a.law.name, cells: [
    { raw: a.law.name, text: html`<${LawName} law=${a.law.name} /><cite class="span" lang="en">${a.law.title}</cite>` },
    { raw: a.parameters, text: html`<${Given} law=${a.law.name} figure="N" value=${a.parameters} say=${short} span=${given ? null : a.intervals?.parameters} explained=${explained} />${a.total_parameters && html`<span class="span">${t('scaling.of.all', { all: short(a.total_parameters) })}</span>`}` },
    { raw: a.tokens, text: html`<${Given} law=${a.law.name} figure="D" value=${a.tokens} say=${short} span=${given ? null : a.intervals?.tokens} explained=${explained} />` },
    { raw: a.tokens_per_parameter, text: html`${plain(a.tokens_per_parameter)}<${Span} span=${given ? null : a.intervals?.tokens_per_parameter} say=${plain} />` },
    ...(one ? [] : [{ raw: a.compute, text: power(a.compute) }]),
    { raw: a.loss, text: a.loss === null ? '–' : html`<${Given} law=${a.law.name} figure="loss" value=${a.loss} say=${nats} span=${a.intervals?.loss} explained=${explained} />` },
    ...(!one && priced ? [{ raw: a.cost.days, text: plain(a.cost.days) }, { raw: a.cost.dollars, text: a.cost.dollars === null ? '–' : dollars(a.cost.dollars) }] : []),
    { raw: a.outside.length ? a.outside[0].times : 1, text: html`<${Outside} answer=${a} />` }] }))} />`;
}

/** A figure, with its interval below it; it opens its formula where the law has one. @param {any} props */
function Given({ law, figure, value, say, span, explained }) {
  return html`${explained(law, figure) ? html`<${Figure} of=${`${law}:${figure}`} label=${`${law}, ${t(`scaling.figure.${figure}`)}: ${say(value)}`}>${say(value)}<//>` : say(value)}<${Span} span=${span} say=${say} />`;
}

/** @param {any} props */
function Span({ span, say }) {
  return span ? html`<span class="span">${between(span, say)}</span>` : null;
}

/** Inside the runs, or how many times outside. @param {{answer: any}} props */
export function Outside({ answer: { outside, far_outside: far } }) {
  if (!outside.length) return html`<span class="good">${t('scaling.inside')}</span>`;
  return html`<span class=${far ? 'bad' : 'warn'}>${t(far ? 'scaling.far' : 'scaling.beyond', { times: plain(outside[0].times) })}</span>`;
}
