// What is stored: the bytes that files of weights take, or that a quantised checkpoint takes by its configuration.
import { html } from '../../html.js';
import { Said } from '../../i18n/said.js';
import { t } from '../../i18n/language.js';
import { binary, decimal, exact, percent, three } from '../../format/number.js';
import { csv, save } from '../../format/save.js';
import { KIND_ORDER, kindColour } from '../../charts/colours.js';
import { kindName } from './tree.js';

/** What headers of weights say. @param {{weights: any}} props */
export function InFiles({ weights }) {
  const { name, form, files, total, parameters, bits_per_parameter: bits, by_dtype: types, by_kind: kinds, check, tensors } = weights;
  const rows = () => csv([['tensor', 'type', 'shape', 'kind', 'bytes'], ...tensors.map((/** @type {any} */ one) => [one.name, one.dtype, one.shape.join(' × '), one.kind, one.bytes])]);
  return html`<section class="view">
    <header><h2>${t('stored.files')}</h2>
      <button type="button" class="quiet" onClick=${() => save(`${name}-tensors.csv`, 'text/csv', rows())}>${t('stored.tensors.csv', { count: exact(tensors.length) })}</button></header>
    <p>${t('stored.sum', { bytes: exact(total), size: `${decimal(total)}${t('params.comma')}${binary(total)}`, parameters: exact(parameters), bits: three(bits), form, files: exact(files) })}</p>
    ${check && html`<p class=${check.exact ? 'good' : 'bad'}>${t(check.exact ? 'stored.exact' : 'stored.differs')}</p>`}
    ${check && !check.exact && html`<ul>${DIFFERENCES.flatMap((way) => check[way].slice(0, MOST).map((/** @type {string} */ one) => html`<li class="small">${t(`stored.differ.${way}`, { name: one })}</li>`))}</ul>`}
    <${Shares} title=${t('params.type')} label=${t('stored.files')} rows=${Object.entries(types)} sum=${total} name=${(/** @type {string} */ type) => type} />
    <${Shares} title=${t('stored.kind')} label=${t('stored.kind')} rows=${KIND_ORDER.filter((kind) => kinds[kind]).map((kind) => [kind, kinds[kind]])} sum=${total} name=${kindName} dot=${true} />
  </section>`;
}

const DIFFERENCES = ['missing', 'left_over', 'other_shape'];

/** Names of tensors that are listed of each difference. */
const MOST = 20;

/** What a quantised checkpoint takes. @param {{checkpoint: any}} props */
export function Checkpoint({ checkpoint }) {
  const { method, total, scales, tensors } = checkpoint;
  return html`<section class="view">
    <h2>${t('stored.checkpoint', { method })}</h2>
    <p>${t('stored.checkpoint.sum', { bytes: exact(total), size: `${decimal(total)}${t('params.comma')}${binary(total)}`, scales: exact(scales) })}</p>
    <div class="scroll" tabindex="0" role="region" aria-label=${t('stored.checkpoint', { method })}><table>
      <thead><tr><th scope="col">${t('stored.kind')}</th><th scope="col">${t('params.type')}</th><th scope="col" class="number">${t('params.sum')}</th>
        <th scope="col" class="number">${t('stored.scales')}</th><th scope="col" class="number">${t('params.bytes')}</th></tr></thead>
      <tbody>${tensors.map((/** @type {any} */ one) => html`<tr key=${`${one.kind} ${one.stored_as} ${one.apart}`} class=${one.apart ? 'apart' : ''}>
        <th scope="row"><i class="dot" style=${{ background: kindColour(one.kind) }}></i>${kindName(one.kind)}</th><td>${one.stored_as}</td>
        <td class="number">${exact(one.parameters)}</td><td class="number">${exact(one.scales)}</td><td class="number">${exact(one.total)}</td></tr>`)}</tbody>
    </table></div>
  </section>`;
}

/** Bytes by something, with shares. @param {{title: string, label: string, rows: [string, number][], sum: number, name: (key: string) => string, dot?: boolean}} props */
function Shares({ title, label, rows, sum, name, dot = false }) {
  return html`<div class="scroll" tabindex="0" role="region" aria-label=${label}><table>
    <thead><tr><th scope="col">${title}</th><th scope="col" class="number">${t('params.bytes')}</th><th scope="col" class="number">${t('params.share')}</th></tr></thead>
    <tbody>${rows.map(([key, size]) => html`<tr key=${key}><th scope="row">${dot && html`<i class="dot" style=${{ background: kindColour(key) }}></i>`}${name(key)}</th>
      <td class="number">${exact(size)}</td><td class="number">${percent(size / sum)}</td></tr>`)}</tbody>
  </table></div>`;
}

/** Weights of which nothing says what they are of: what their headers say is all there is. @param {{weights: any}} props */
export function Alone({ weights }) {
  return html`<div class="sentence">
    <p class="of">${weights.name} · <${Said} text=${weights.form} /></p>
    <p class="large">${decimal(weights.total)} <span>${t('stored.of', { parameters: exact(weights.parameters) })}</span></p>
  </div>`;
}
