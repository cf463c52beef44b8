// Tables that only some questions have: how far from optimal, serving, further figures.
import { html } from '../../html.js';
import { t, worded } from '../../i18n/language.js';
import { percent, short } from '../../format/number.js';
import { Table } from '../shared/table.js';
import { LawName } from './laws_table.js';
import { nats, plain, power } from './looks.js';
import { Opens } from './opens.js';

/** @param {any} answer */
const named = ({ law: { name } }) => ({ raw: name, text: html`<${LawName} law=${name} />` });

/** @param {string[]} keys */
const numbers = (keys) => keys.map((key) => ({ name: t(key), number: true }));

/** A number, or a dash where there is none. @param {number | null | undefined} value @param {(value: number) => string} say */
const cell = (value, say) => ({ raw: value ?? null, text: value === null || value === undefined ? '–' : say(value) });

/** The same, which opens its formula. @param {any} answer @param {string} line @param {string} symbol @param {number | null} value @param {(value: number) => string} say @param {string} name what the figure is */
const opening = (answer, line, symbol, value, say, name) => (value === null ? cell(value, say) : { raw: value, text: html`<${Opens} answer=${answer} line=${line} symbol=${symbol} label=${name} text=${say(value)} />` });

/** How far the model is from the optimum of the same compute. @param {{answers: any[]}} props */
export function Off({ answers }) {
  const there = answers.filter((one) => one.optimum);
  if (!there.length) return null;
  const keys = ['scaling.off.parameters', 'scaling.off.tokens', 'scaling.off.loss', 'scaling.off.same', 'scaling.off.share'];
  const columns = [{ name: t('scaling.law') }, ...numbers(keys)];
  const [size, tokens, loss, same, share] = keys.map((key) => t(key));
  return html`<${Table} title=${t('scaling.off')} file="scaling-from-optimal" columns=${columns} lines=${there.map((one) => ({ key: one.law.name, cells: [
    named(one), opening(one, 'optimum', 'N_optimal', one.optimum.parameters, short, size), opening(one, 'optimum', 'D_optimal', one.optimum.tokens, short, tokens), opening(one, 'optimum', 'loss', one.optimum.loss, nats, loss),
    opening(one, 'equal_loss', 'equal_loss_compute', one.equal_loss_compute, power, same), opening(one, 'equal_loss', 'equal_loss_share', one.equal_loss_share, percent, share)] }))}><p class="hint">${t('scaling.off.hint')}</p><//>`;
}

/** The model of least compute over training and serving. @param {{answers: any[]}} props */
export function Lifetimes({ answers }) {
  const there = answers.filter((one) => one.lifetime);
  if (!there.length) return null;
  const keys = ['scaling.life.instead', 'scaling.parameters', 'scaling.tokens', 'scaling.life.training', 'scaling.life.all', 'scaling.life.saved'];
  const columns = [{ name: t('scaling.law') }, ...numbers(keys)];
  const [instead, size, tokens, training, all, saved] = keys.map((key) => t(key));
  return html`<${Table} title=${t('scaling.life', { tokens: short(there[0].lifetime.inference_tokens) })} file="scaling-serving" columns=${columns} lines=${there.map((one) => ({ key: one.law.name, cells: [
    named(one), opening(one, 'parameters', 'N', one.parameters, short, instead), opening(one, 'lifetime', 'lifetime_parameters', one.lifetime.parameters, short, size), opening(one, 'lifetime', 'lifetime_tokens', one.lifetime.tokens, short, tokens),
    opening(one, 'lifetime', 'training_flops', one.lifetime.training_flops, power, training), opening(one, 'lifetime', 'total_flops', one.lifetime.total_flops, power, all), opening(one, 'lifetime', 'saved', one.lifetime.saved, percent, saved)] }))}>
    <p class="hint">${t('scaling.life.hint')}</p><//>`;
}

/** What a further figure is. @param {string} name */
const extraName = (name) => (worded(`scaling.extra.${name}`) ? t(`scaling.extra.${name}`) : name.replaceAll('_', ' '));

/** Batch sizes, learning rates, granularities. @param {{answers: any[]}} props */
export function Extras({ answers }) {
  const lines = answers.flatMap((one) => Object.entries(one.extras).map(([name, value]) => ({ key: `${one.law.name} ${name}`, cells: [
    named(one), extraName(name), opening(one, 'extras', name, /** @type {number} */ (value), (v) => (v < 0.01 ? v.toExponential(2) : v < 1000 ? plain(v) : short(v)), extraName(name))] })));
  if (!lines.length) return null;
  return html`<${Table} title=${t('scaling.extras')} file="scaling-further" lines=${lines} columns=${[{ name: t('scaling.law') }, { name: t('scaling.extra') }, { name: t('scaling.extra.optimum'), number: true }]} />`;
}
