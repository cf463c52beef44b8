// One's own devices, one after another; what stands in the address is a name a line.
import CLUSTERS from '../../generated/clusters.json';
import { html } from '../../html.js';
import { t } from '../../i18n/language.js';
import { binary } from '../../format/number.js';
import { Labelled, helpOf, labelOf, toldOf } from '../../controls/fields.js';
import { change } from '../../state/store.js';

/** @typedef {import('../../state/address.js').Values} Values */
/** @typedef {{name: string, title: string, vendor: string, kind: string, own: boolean, aliases: string[], figures: Record<string, {value: any}>}} Device */

/** What is asked about while nothing is said. */
export const FIRST = 'rtx-3060';

const KEY = 'local.on';

/** @type {Device[]} */
const ALL = /** @type {any} */ (CLUSTERS).devices;

/** Processors by name. */
export const PROCESSORS = ALL.filter(({ kind }) => kind === 'CPU').map(({ name }) => name);

const DEVICES = ALL.filter(({ kind }) => kind !== 'CPU');

/** Groups of the list: what people own, then what stands in servers. @type {[string, Device[]][]} */
const GROUPS = [['local.group.own', DEVICES.filter(({ own }) => own)], ['local.group.server', DEVICES.filter(({ own }) => !own)]];

/** @param {Values} values */
const chosen = (values) => (values[KEY] ?? FIRST).split('\n');

/** @param {string} name */
const deviceOf = (name) => DEVICES.find((device) => [device.name, ...device.aliases].includes(name));

/** The devices in one line. @param {Values} values */
export const devicesLine = (values) => chosen(values).map((name) => deviceOf(name)?.title ?? name).join(' + ');

/** @param {{values: Values, problems: import('../../engine/engine.js').Problem[]}} props */
export function devicesControl({ values, problems }) {
  const names = chosen(values);
  const told = toldOf(problems, 'on');
  const put = (/** @type {string[]} */ next) => change({ [KEY]: next.join('\n') }, { step: true });
  return html`${names.map((name, number) => html`<${One} key=${number} name=${name} number=${number} alone=${names.length === 1} told=${number ? [] : told}
      onChange=${(/** @type {string} */ next) => put(names.map((one, at) => (at === number ? next : one)))} onRemove=${() => put(names.filter((_, at) => at !== number))} />`)}
    <button type="button" class="quiet" onClick=${() => put([...names, names.at(-1) ?? FIRST])}>${t('local.add')}</button>`;
}

/** @param {any} props */
function One({ name, number, alone, told, onChange, onRemove }) {
  const id = number ? `${KEY}.${number}` : KEY;
  const found = deviceOf(name);
  return html`<${Labelled} id=${id} label=${alone ? labelOf('on') : t('local.device', { place: number + 1 })} told=${told}
      help=${found ? held(found) : helpOf('local', 'on')}>
    <select id=${id} aria-describedby="${id}-help" aria-invalid=${told.length > 0} onChange=${(/** @type {any} */ e) => onChange(e.currentTarget.value)}>
      ${!found && html`<option value=${name} selected>${name}</option>`}
      ${GROUPS.map(([group, devices]) => html`<optgroup label=${t(group)}>${devices.map((one) => html`<option value=${one.name} selected=${one.name === found?.name}>${one.title}</option>`)}</optgroup>`)}
    </select>
    ${!alone && html`<button type="button" class="quiet" onClick=${onRemove}>${t('local.remove', { device: found?.title ?? name })}</button>`}<//>`;
}

/** Memory and bandwidth of a device. @param {Device} device */
function held({ figures }) {
  const moves = figures.memory_bandwidth;
  return [figures.memory_bytes && binary(figures.memory_bytes.value), moves && `${Math.round(moves.value / 1e9)} GB/s`].filter(Boolean).join(' · ');
}
