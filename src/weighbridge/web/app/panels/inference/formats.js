// The same deployment with weights and cache in other formats.
import { html } from '../../html.js';
import { t } from '../../i18n/language.js';
import { binary, dollars, exact, seconds } from '../../format/number.js';
import { Figure } from '../../drawer/figure.js';
import { change } from '../../state/store.js';
import { useMany } from '../shared/many.js';
import { Table } from '../shared/table.js';
import { fileOf } from '../training/answer.js';
import { otherwise } from './explain.js';

/** What stands of each deployment: a key of its answer, the words above it, how it is written, the figure that it opens. @type {[string, string, (answer: any) => any, string][]} */
const FIGURES = [
  ['max_batch', 'infer.short.users', ({ max_batch }) => (max_batch === null ? '∞' : exact(max_batch)), 'users'],
  ['ttft_seconds', 'TTFT', ({ ttft_seconds }) => (ttft_seconds === null ? '–' : seconds(ttft_seconds)), 'ttft'],
  ['tpot_seconds', 'TPOT', ({ tpot_seconds }) => (tpot_seconds === null ? '–' : seconds(tpot_seconds)), 'tpot'],
  ['tokens_per_second_per_gpu', 'infer.short.gpu', ({ tokens_per_second_per_gpu: rate }) => (rate === null ? '–' : exact(Math.round(rate))), 'tokens_per_second_per_gpu'],
  ['cost_per_million_tokens', 'infer.short.million', ({ cost_per_million_tokens: cost }) => (cost === null ? '–' : dollars(cost.output)), 'dollars_per_million_output'],
];

/** @param {{question: any, answer: any}} props */
export function Formats({ question, answer: { plan, model, formats: beside } }) {
  const { weights: formats, caches } = /** @type {{weights: string[], caches: string[]}} */ (beside);
  const cells = formats.flatMap((quant) => caches.map((kv) => ({ quant, kv, question: { ...question, options: { ...question.options, quant, kv, advice: false } } })));
  const heard = useMany('infer-formats', cells.map((cell) => cell.question));
  const of = (/** @type {string} */ quant, /** @type {string} */ kv) => heard[cells.findIndex((cell) => cell.quant === quant && cell.kv === kv)];
  const now = (/** @type {string} */ quant, /** @type {string} */ kv) => quant === formats[0] && kv === plan.kv_cache_dtype;
  const lines = formats.map((quant) => {
    const first = caches.map((kv) => of(quant, kv)?.answer).find(Boolean);
    return { key: quant, cells: [quant, { raw: first?.memory.weights ?? '', text: first ? html`<${Figure} of=${otherwise({ quant }, 'weights')} label=${quant}>${binary(first.memory.weights)}<//>` : '' }, ...caches.flatMap((kv) => group(quant, kv, of(quant, kv), now(quant, kv)))] };
  });
  const columns = [{ name: t('infer.format') }, { name: t('infer.weights'), number: true }, ...caches.flatMap((kv, place) => FIGURES.map(([key, name]) => ({ name: name.includes('.') ? t(name) : name, number: true, first: key === 'max_batch', of: place, csv: `${kv}: ${key}` })))];
  const over = [{ name: '', span: 2 }, ...caches.map((kv) => ({ name: t('infer.with.cache', { format: kv }), span: FIGURES.length }))];
  return html`<${Table} title=${t('infer.formats')} file=${fileOf(`${model.name}-formats`)} columns=${columns} over=${over} lines=${lines}>
    <p class="hint">${t('infer.formats.hint')}</p><//>`;
}

/** The figures of one deployment. @param {string} quant @param {string} kv @param {import('../shared/many.js').Heard | null | undefined} heard @param {boolean} now @returns {any[]} */
function group(quant, kv, heard, now) {
  const blank = FIGURES.slice(1).map(() => ({ text: '', raw: '' }));
  if (!heard) return [{ text: '…', raw: '' }, ...blank];
  if (!heard.answer) return [{ raw: heard.problems[0]?.message ?? '', text: html`<span class="soft" title=${heard.problems[0]?.message}>${t('infer.cannot')}</span>` }, ...blank];
  const { answer } = heard;
  const take = () => change({ 'infer.quant': quant, 'infer.kv': kv }, { step: true });
  const much = answer.fits === false ? t('infer.too.much', { size: binary(answer.memory.total_per_gpu) }) : '';
  const what = `${quant}, ${t('infer.with.cache', { format: kv })}`;
  const opens = (/** @type {string} */ figure, /** @type {string} */ text) => (text === '–' || text === '∞' ? text : html`<${Figure} of=${otherwise({ quant, kv }, figure)} label=${what}>${text}<//>`);
  const button = now ? '' : html` <button type="button" class="take" aria-label=${t('infer.take', { format: quant, kv })} onClick=${take}>${t('infer.take.short')}</button>`;
  if (answer.fits === false) return [{ raw: 0, text: html`<span class="bad">${opens('total', much)}</span>${button}`, mark: now }, ...blank];
  return FIGURES.map(([key, , say, figure], place) => ({ raw: key === 'cost_per_million_tokens' ? answer[key]?.output : answer[key], text: place ? opens(figure, say(answer)) : html`${opens(figure, say(answer))}${button}`, mark: now }));
}
