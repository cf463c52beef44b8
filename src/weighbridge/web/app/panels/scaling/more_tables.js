// Tables that only some questions have: how far from optimal, serving, further figures.
import { html } from '../../html.js';
import { t, worded } from '../../i18n/language.js';
import { percent, short } from '../../format/number.js';
import { Table } from '../shared/table.js';
import { LawName } from './laws_table.js';
import { nats, plain, power } from './looks.js';

/** @param {any} answer */
const named = ({ law: { name } }) => ({ raw: name, text: html`<${LawName} law=${name} />` });

/** @param {string[]} keys */
const numbers = (keys) => keys.map((key) => ({ name: t(key), number: true }));

/** A number, or a dash where there is none. @param {number | null | undefined} value @param {(value: number) => string} say */
const cell = (value, say) => ({ raw: value ?? null, text: value === null || value === undefined ? '–' : say(value) });

/** How far the model is from the optimum of the same compute. @param {{answers: any[]}} props */
export function Off({ answers }) {
  const there = answers.filter((one) => one.optimum);
  if (!there.length) return null;
  const columns = [{ name: t('scaling.law') }, ...numbers(['scaling.off.parameters', 'scaling.off.tokens', 'scaling.off.loss', 'scaling.off.same', 'scaling.off.share'])];
  return html`<${Table} title=${t('scaling.off')} file="scaling-from-optimal" columns=${columns} lines=${there.map((one) => ({ key: one.law.name, cells: [
    named(one), cell(one.optimum.parameters, short), cell(one.optimum.tokens, short), cell(one.optimum.loss, nats), cell(one.equal_loss_compute, power),
    cell(one.equal_loss_share, percent)] }))}><p class="hint">${t('scaling.off.hint')}</p><//>`;
}

/** The model of least compute over training and serving. @param {{answers: any[]}} props */
export function Lifetimes({ answers }) {
  const there = answers.filter((one) => one.lifetime);
  if (!there.length) return null;
  const columns = [{ name: t('scaling.law') }, ...numbers(['scaling.life.instead', 'scaling.parameters', 'scaling.tokens', 'scaling.life.training', 'scaling.life.all', 'scaling.life.saved'])];
  return html`<${Table} title=${t('scaling.life', { tokens: short(there[0].lifetime.inference_tokens) })} file="scaling-serving" columns=${columns} lines=${there.map((one) => ({ key: one.law.name, cells: [
    named(one), cell(one.parameters, short), cell(one.lifetime.parameters, short), cell(one.lifetime.tokens, short), cell(one.lifetime.training_flops, power), cell(one.lifetime.total_flops, power), cell(one.lifetime.saved, percent)] }))}>
    <p class="hint">${t('scaling.life.hint')}</p><//>`;
}

/** Batch sizes, learning rates, granularities. @param {{answers: any[]}} props */
export function Extras({ answers }) {
  const lines = answers.flatMap((one) => Object.entries(one.extras).map(([name, value]) => ({ key: `${one.law.name} ${name}`, cells: [
    named(one), worded(`scaling.extra.${name}`) ? t(`scaling.extra.${name}`) : name.replaceAll('_', ' '), cell(/** @type {number} */ (value), (v) => (v < 0.01 ? v.toExponential(2) : v < 1000 ? plain(v) : short(v)))] })));
  if (!lines.length) return null;
  return html`<${Table} title=${t('scaling.extras')} file="scaling-further" lines=${lines} columns=${[{ name: t('scaling.law') }, { name: t('scaling.extra') }, { name: t('scaling.extra.optimum'), number: true }]} />`;
}
