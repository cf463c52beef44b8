// The modules of the fullest rank, equal ones folded: parameters, and what each keeps for the backward pass.
import { useState } from 'preact/hooks';
import { html } from '../../html.js';
import { Said } from '../../i18n/said.js';
import { spoken, t } from '../../i18n/language.js';
import { Figure } from '../../drawer/figure.js';
import { useAnswer } from '../../engine/engine.js';
import { binary, exact, three } from '../../format/number.js';
import { csv, save } from '../../format/save.js';
import { Table } from '../shared/table.js';
import { Wrong } from '../shared/wrong.js';
import { fileOf } from './answer.js';

/**
 * @typedef {object} Branch
 * @property {string} name
 * @property {string} module
 * @property {number} copies
 * @property {number[]} places
 * @property {string} remark
 * @property {number} parameters
 * @property {number} kept_elements
 * @property {number} kept_bytes
 * @property {Branch[]} children
 */
/** @typedef {{branch: Branch, path: string, depth: number}} Row */

const UNITS = ['MB', 'GB', 'GiB'];

/** The line of the explanation that opens each part of a GPU's memory. @type {Record<string, string>} */
const OPENS = { model: 'weights_and_optimizer', rest: 'activations_and_buffers', total: 'peak_allocated' };

/** @param {{question: any}} props */
export function ModuleTree({ question }) {
  const [wanted, want] = useState(false);
  return html`<details class="view wide" onToggle=${(/** @type {any} */ e) => want(e.currentTarget.open)}>
    <summary><h2>${t('tree.title')}</h2> <span class="hint">${t('tree.hint')}</span></summary>
    ${wanted && html`<${Tree} question=${question} />`}</details>`;
}

/** @param {{question: any}} props */
function Tree({ question }) {
  const told = useAnswer('train-tree', { ...question, with: ['tree'] });
  const { answer } = told;
  const [closed, close] = useState(/** @type {Set<string>} */ (new Set()));
  if (told.problems.length) return html`<${Wrong} told=${told} />`;
  if (!answer) return html`<p class="hint">${t('frame.working')}</p>`;
  const all = rowsOf(answer.tree);
  const rows = all.filter(({ path }) => ![...closed].some((one) => path.startsWith(`${one}/`)));
  const toggle = (/** @type {string} */ path) => {
    const next = new Set(closed);
    if (!next.delete(path)) next.add(path);
    close(next);
  };
  const saved = () => csv([['module', 'class', 'copies', 'parameters', 'kept elements', 'kept bytes'], ...all.map(({ branch, path }) => [path, branch.module, branch.copies, branch.parameters, branch.kept_elements, branch.kept_bytes])]);
  return html`<p class="hint">${t('tree.about')} <button type="button" class="quiet" onClick=${() => save(`${fileOf(answer.model.name)}-rank-modules.csv`, 'text/csv', saved())}>${t('table.csv')}</button></p>
    <div class="scroll" tabindex="0" role="region" aria-label=${t('tree.title')}><table>
    <thead><tr><th scope="col">${t('params.module')}</th><th scope="col" class="number">${t('params.sum')}</th><th scope="col" class="number">${t('tree.elements')}</th><th scope="col" class="number">${t('tree.bytes')}</th></tr></thead>
    <tbody>${rows.map(({ branch, path, depth }) => html`<tr key=${path}>
      <th scope="row" style=${{ paddingInlineStart: `${0.4 + depth * 1.1}rem` }}>
        ${branch.children.length ? html`<button type="button" class="fold" aria-expanded=${!closed.has(path)} aria-label=${t(closed.has(path) ? 'table.open' : 'table.close', { name: called(branch) })} onClick=${() => toggle(path)}>${closed.has(path) ? '▸' : '▾'}</button>` : html`<span class="fold"></span>`}
        <code>${called(branch)}</code>${branch.remark && html` <${Said} class="soft" text=${branch.remark} />`}</th>
      <td class="number">${exact(branch.parameters)}</td><td class="number">${exact(branch.kept_elements)}</td><td class="number" title=${exact(branch.kept_bytes)}>${binary(branch.kept_bytes)}</td></tr>`)}</tbody></table></div>
    <${OneGpu} gpu=${answer.gpu} name=${answer.model.name} stage=${question.options.stage ?? answer.worst_stage} />`;
}

/** Bytes per parameter, then the memory of one GPU as model and optimizer, activations, total. @param {{gpu: any, name: string, stage: number}} props */
function OneGpu({ gpu, name, stage }) {
  const opened = (/** @type {string} */ line, /** @type {any} */ text, /** @type {string} */ label) => html`<${Figure} of=${`line:${line}:${stage}`} label=${label}>${text}<//>`;
  const cells = (/** @type {string} */ key, /** @type {number} */ bytes) => [1e6, 1e9, 2 ** 30].map((size, place) => {
    const text = (bytes / size).toLocaleString(spoken(), { minimumFractionDigits: size === 1e6 ? 1 : 3, maximumFractionDigits: size === 1e6 ? 1 : 3 });
    return { raw: bytes / size, text: opened(OPENS[key], text, `${t(`tree.gpu.${key}`)}: ${text} ${UNITS[place]}`) };
  });
  const said = t('tree.each', { bytes: three(gpu.bytes_per_parameter), parameters: exact(gpu.parameters) });
  const each = opened('bytes_per_parameter', said, said);
  const line = (/** @type {string} */ key, /** @type {number} */ bytes, /** @type {any} */ remark, total = false) => ({ key, total, cells: [t(`tree.gpu.${key}`), ...cells(key, bytes), { raw: key === 'model' ? said : remark, text: html`<span class="small">${remark}</span>` }] });
  return html`<${Table} title=${t('tree.gpu')} file=${fileOf(`${name}-gpu`)} columns=${[{ name: '' }, ...UNITS.map((unit) => ({ name: unit, number: true })), { name: '' }]}
    lines=${[line('model', gpu.weights_and_optimizer_bytes, each), line('rest', gpu.activations_and_buffers_bytes, t('train.peak')), line('total', gpu.total_bytes, t('memory.allocated'), true)]} />`;
}

/** As Megatron prints it: (0-3): 4 x TransformerLayer. @param {Branch} branch */
function called({ name, module, copies, places }) {
  if (copies > 1) return `${places.length ? `(${ranges(places)}): ` : name ? `${name}: ` : ''}${copies} x ${module}`;
  if (!name && places.length) return `(${places[0]}): ${module}`;
  return name ? `${name}: ${module}` : module;
}

/** @param {number[]} places */
function ranges(places) {
  /** @type {number[][]} */
  const found = [];
  for (const place of places) {
    const last = found.at(-1);
    if (last && last[1] + 1 === place) last[1] = place;
    else found.push([place, place]);
  }
  return found.map(([low, high]) => (low === high ? low : `${low}-${high}`)).join(', ');
}

/** @param {Branch} branch @returns {Row[]} */
function rowsOf(branch, path = '', depth = 0) {
  const at = `${path}/${called(branch)}`;
  return [{ branch, path: at, depth }, ...branch.children.flatMap((child) => rowsOf(child, at, depth + 1))];
}
