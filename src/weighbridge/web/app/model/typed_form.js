// The form of a model that is typed field by field.
import { html } from '../html.js';
import { Problem } from '../controls/problem.js';
import { t, worded } from '../i18n/language.js';
import { change } from '../state/store.js';
import { Choice, Labelled, Typed } from '../controls/fields.js';
import { EXAMPLE, HEADS, ROWS, sharedOf } from './typed.js';

/** @typedef {import('../state/address.js').Values} Values */

/** Where Python looks for what each field says. @type {Record<string, string>} */
const PLACES = {
  vocab_size: 'vocab', hidden_size: 'hidden', 'layers.0.count': 'layers', layers: 'layers', norm: 'norm',
  'blocks.layer.mixer.num_heads': 'heads', 'blocks.layer.mixer.num_kv_heads': 'groups', 'blocks.layer.mixer.head_dim': 'head_dim',
  'blocks.layer.mixer.qkv_bias': 'qkv_bias', 'blocks.layer.feed_forward.num_experts': 'experts', 'blocks.layer.feed_forward.top_k': 'top_k',
};

/** The field of the form that a problem is of; empty for none. @param {string} place @param {Values} values */
function rowOf(place, values) {
  const at = place.replace(/^model\./, '');
  if (at === 'blocks.layer.feed_forward.intermediate_size') return values['m.ffn'] === 'moe' ? 'routed' : 'dense';
  if (at === 'blocks.layer.feed_forward.shared_intermediate_size') return sharedOf(values).row;
  if (at === 'blocks.layer.mixer') return values['m.heads'] ? 'head_dim' : 'heads'; // the one that is missing
  return PLACES[at] ?? '';
}

/** @param {{values: Values, problems: import('../engine/engine.js').Problem[]}} props */
export function TypedForm({ values, problems }) {
  const sparse = values['m.ffn'] === 'moe';
  const rows = ROWS.filter(({ only }) => !only || (only === 'moe') === sparse);
  const placed = problems.map(({ field, message }) => ({ row: rowOf(field, values), message, field }));
  return html`
    <button type="button" class="quiet" onClick=${() => change({ 'm.dense': '', ...EXAMPLE }, { step: true })}>${t('model.example')}</button>
    <${Labelled} id="m.name" label=${t('typed.name')} help=""><${Typed} id="m.name" value=${values['m.name'] ?? ''} onChange=${(/** @type {string} */ v) => change({ 'm.name': v })} /><//>
    ${rows.map((row) => html`<${Line} key=${row.name} row=${row} values=${values} told=${placed.filter((one) => one.row === row.name).map((one) => one.message)} />`)}
    ${placed.filter(({ row, field }) => !row && field.startsWith('model.')).map(({ message, field }) => html`<${Problem} text=${`${field.slice(6)}: ${message}`} />`)}
    <datalist id="heads">${HEADS.map((value) => html`<option value=${value}></option>`)}</datalist>`;
}

/** @param {{row: import('./typed.js').Row, values: Values, told: string[]}} props */
function Line({ row, values, told }) {
  const id = `m.${row.name}`;
  const set = (/** @type {string} */ value) => change({ [id]: value });
  const help = worded(`typed.${row.name}.help`) ? t(`typed.${row.name}.help`) : '';
  if (row.kind === 'yes')
    return html`<div class="field check"><input id=${id} type="checkbox" checked=${values[id] === 'true'} onChange=${(/** @type {any} */ e) => set(e.currentTarget.checked ? 'true' : '')} />
      <label for=${id}>${t(`typed.${row.name}`)}</label></div>`;
  return html`<${Labelled} id=${id} label=${t(`typed.${row.name}`)} help=${help} told=${told}>
    ${row.kind === 'choice'
      ? html`<${Choice} id=${id} value=${values[id] ?? row.otherwise} choices=${row.choices} empty=${false} name=${(/** @type {string} */ v) => (worded(`typed.${v}.choice`) ? t(`typed.${v}.choice`) : v)} told=${told} onChange=${set} />`
      : html`<${Typed} id=${id} value=${values[id] ?? ''} numeric=${true} list=${row.name === 'heads' ? 'heads' : undefined} told=${told} onChange=${set} />`}
  <//>`;
}
