// The answer about one's own devices: the largest quantisation that fits, how fast each is, what each device holds.
import { html } from '../../html.js';
import { t, woven } from '../../i18n/language.js';
import { useState } from 'preact/hooks';
import { Figure } from '../../drawer/figure.js';
import { Notes } from '../../frame/notes.js';
import { Chart } from '../../charts/chart.js';
import { memoryColour } from '../../charts/colours.js';
import { binary, decimal, exact, three } from '../../format/number.js';
import { Bands, within } from '../shared/bands.js';
import { Facts } from '../shared/facts.js';
import { barsOption, memoryName, there } from '../shared/memory.js';
import { Table } from '../shared/table.js';
import { fileOf } from '../training/answer.js';
import { figureOf } from './explain.js';
import { speedOption } from './speed.js';

/** @typedef {any} Option */

/** Whether all layers are on the devices. @param {Option} option */
const whole = ({ fits, ngl, layers }) => fits && ngl === layers;

/** @param {{answer: any}} props */
export function LocalAnswer({ answer }) {
  const { model, options, chosen, error_bands } = answer;
  const [picked, pick] = useState('');
  const shown = options.find((/** @type {Option} */ one) => one.quantisation === picked) ?? options.find((/** @type {Option} */ one) => one.quantisation === chosen) ?? options[0];
  const timed = options.filter((/** @type {Option} */ one) => one.tokens_per_second !== null);
  const label = `${t('local.speed')}: ${timed.map((/** @type {Option} */ one) => `${one.quantisation} ${three(one.tokens_per_second)}`).join(', ')}`;
  return html`
    <${Headline} answer=${answer} />
    ${timed.length > 0 && html`<section class="view"><h2>${t('local.speed')}</h2>
      <${Chart} name=${fileOf(`${model}-local-speed`)} label=${label} of=${answer} height=${64 + 34 * options.length} option=${() => speedOption(options)} /></section>`}
    <${Options} answer=${answer} shown=${shown} pick=${pick} />
    <${ByDevice} answer=${answer} option=${shown} />
    <${Bands} bands=${error_bands} />
    <${Notes} notes=${answer.notes} />`;
}

/** @param {{answer: any}} props */
function Headline({ answer: { model, titles, options, chosen, context, cache_dtype, error_bands } }) {
  const best = options.find((/** @type {Option} */ one) => one.quantisation === chosen);
  const line = html`<p class="of">${model} · ${titles.join(' + ')} · ${t('local.notes.hint', { context: exact(context), cache: cache_dtype })}</p>`;
  if (!best) return html`<div class="sentence">${line}<p class="large bad">${t('local.none')}</p><p class="also">${t('local.none.hint')}</p></div>`;
  const band = within(error_bands.find((/** @type {any} */ { kind }) => kind.startsWith('decode')));
  const quickest = options.filter((/** @type {Option} */ one) => one.runs).reduce((/** @type {Option} */ a, /** @type {Option} */ b) => ((b.tokens_per_second ?? 0) > (a.tokens_per_second ?? 0) ? b : a), best);
  const rate = best.tokens_per_second;
  const said = rate !== null && html`<${Figure} of=${figureOf('tokens_per_second', best)} label=${t('local.rate')}>${three(rate)}<//>`;
  return html`<div class="sentence">${line}
    <p class="large">${best.quantisation} <span>${rate === null ? t(whole(best) ? 'local.largest.untimed' : 'local.say.cpu') : whole(best) ? woven('local.largest', { rate: said }) : html`${said} ${t('local.rate')}`}</span></p>
    <p class="verdict ${whole(best) ? 'good' : 'bad'}">${whole(best) ? t('local.fits') : t('local.host', { some: exact(best.ngl), all: exact(best.layers) })}</p>
    <${Facts} label=${t('train.speed')} facts=${[
      rate !== null && { name: t('local.rate'), value: three(rate), of: figureOf('tokens_per_second', best), also: whole(best) && band },
      best.tokens_per_second_full !== null && { name: t('local.full'), value: three(best.tokens_per_second_full), of: figureOf('tokens_per_second_full', best) },
      best.prompt_tokens_per_second !== null && { name: t('local.prompt'), value: exact(Math.round(best.prompt_tokens_per_second)), of: figureOf('prompt_tokens_per_second', best) },
      { name: t('local.weights'), value: decimal(best.weights), of: figureOf('weights', best), also: binary(best.weights) },
      { name: t('local.cache'), value: binary(best.cache), of: best.cache > 0 && figureOf('cache', best) },
      quickest !== best && { name: t('local.fastest', { name: quickest.quantisation }), value: three(quickest.tokens_per_second), of: figureOf('tokens_per_second', quickest) },
    ]} /></div>`;
}

/** What the table's figures are called. @type {Record<string, string>} */
const LABELS = { weights: 'local.weights', cache: 'local.cache', buffers: 'local.buffers', tokens_per_second: 'local.rate', tokens_per_second_full: 'local.full', prompt_tokens_per_second: 'local.prompt' };

/** @param {{answer: any, shown: Option, pick: (name: string) => void}} props */
function Options({ answer: { model, options }, shown, pick }) {
  const opened = (/** @type {Option} */ one, /** @type {string} */ key, /** @type {(value: number) => string} */ said) => {
    const label = `${t(LABELS[key])}, ${one.quantisation}`;
    return { raw: one[key], text: one[key] === null ? '–' : one[key] ? html`<${Figure} of=${figureOf(key, one)} label=${label}>${said(one[key])}<//>` : '0' };
  };
  const verdict = (/** @type {Option} */ { verdict: said }) => ({ raw: said, text: html`<span class=${said === 'yes' ? 'good' : said === 'no' ? 'bad' : ''}>${t(`local.verdict.${said.replaceAll(' ', '_')}`)}</span>` });
  return html`<${Table} title=${t('local.options')} file=${fileOf(`${model}-local`)}
    columns=${[{ name: t('local.quantisation') }, { name: t('local.verdict') }, ...['local.weights', 'local.cache', 'local.buffers', 'local.layers', 'local.rate', 'local.full.short', 'local.prompt.short'].map((key) => ({ name: t(key), number: true }))]}
    lines=${options.map((/** @type {Option} */ one) => ({ key: one.quantisation, mark: one === shown, cells: [
      { raw: one.quantisation, text: html`<button type="button" class="take" aria-pressed=${one === shown} onClick=${() => pick(one.quantisation)}>${one.quantisation}</button>` },
      verdict(one), opened(one, 'weights', decimal), opened(one, 'cache', binary), opened(one, 'buffers', binary), { raw: one.ngl, text: `${exact(one.ngl)} / ${exact(one.layers)}` },
      opened(one, 'tokens_per_second', three), opened(one, 'tokens_per_second_full', three), opened(one, 'prompt_tokens_per_second', three)] }))} />`;
}

/** What a device holds by the categories of memory. @param {any} share @returns {Record<string, number>} */
const ledgerOf = ({ weights, cache, buffers, outside }) => ({ weights, kv_cache: cache, workspace: buffers, context: outside });

/** @param {{answer: any, option: Option}} props */
function ByDevice({ answer: { model, devices, titles }, option }) {
  const title = t('local.by.device', { name: option.quantisation });
  const named = (/** @type {any} */ share, /** @type {number} */ place) => (share.device === null ? t('local.host.name') : titles[place] ?? titles[devices.indexOf(share.device)]);
  const bars = option.by_device.map((/** @type {any} */ share, /** @type {number} */ place) => ({ name: named(share, place), ledger: ledgerOf(share), total: share.needed }));
  const keys = there(bars.map((/** @type {any} */ bar) => bar.ledger));
  const cell = (/** @type {number | null} */ bytes) => ({ raw: bytes, text: bytes === null ? '–' : bytes ? binary(bytes) : '0' });
  const lines = option.by_device.map((/** @type {any} */ share, /** @type {number} */ place) => ({ key: String(place), cells: [bars[place].name, { raw: share.layers, text: exact(share.layers) }, ...keys.map((key) => cell(bars[place].ledger[key])), { raw: share.needed, text: html`<span class=${share.fits ? '' : 'bad'}>${share.needed ? html`<${Figure} of=${figureOf('needed', option, place)} label=${`${t('local.in.all')}, ${bars[place].name}`}>${binary(share.needed)}<//>` : '0'}</span>` }, cell(share.capacity)] }));
  const label = `${title}: ${option.by_device.map((/** @type {any} */ share, /** @type {number} */ place) => `${bars[place].name} ${binary(share.needed)}`).join(', ')}`;
  return html`<section class="view"><h2>${title}</h2>
    <${Chart} name=${fileOf(`${model}-${option.quantisation}-devices`)} label=${label} of=${option} height=${70 + 40 * bars.length} option=${() => barsOption(bars, option.by_device.length === 1 ? option.by_device[0].capacity : null)} />
    <ul class="legend">${keys.map((key) => html`<li key=${key}><i style=${{ background: memoryColour(key) }}></i>${memoryName(key)}</li>`)}</ul>
    <${Table} bare=${true} title=${title} file=${fileOf(`${model}-${option.quantisation}-devices`)} lines=${lines}
      columns=${[{ name: t('cluster.device') }, ...[t('local.layers'), ...keys.map(memoryName), t('local.in.all'), t('local.capacity')].map((name) => ({ name, number: true }))]} /></section>`;
}
