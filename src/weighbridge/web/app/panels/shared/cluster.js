// The cluster as a device and how many of it; what stands in the address is what the command line takes: 64xh100.
import { useState } from 'preact/hooks';
import CLUSTERS from '../../generated/clusters.json';
import { html } from '../../html.js';
import { t } from '../../i18n/language.js';
import { binary } from '../../format/number.js';
import { Labelled, Typed, toldOf } from '../../controls/fields.js';
import { change } from '../../state/store.js';

/** @typedef {import('../../state/address.js').Values} Values */
/** @typedef {import('../../engine/engine.js').Problem} Problem */
/** @typedef {{name: string, title: string, vendor: string, aliases: string[], figures: Record<string, {value: any}>}} Device */

/** @type {Device[]} */
const DEVICES = /** @type {any} */ (CLUSTERS).devices;

/** Makers in the order of the list, the most devices first. */
const VENDORS = [...new Set(DEVICES.map(({ vendor }) => vendor))].sort((a, b) => numberOf(b) - numberOf(a));

/** @param {string} vendor */
function numberOf(vendor) {
  return DEVICES.filter((device) => device.vendor === vendor).length;
}

/** A cluster's parts; ``null`` for what is written otherwise. @param {string} text */
export function parts(text) {
  const found = /^(?:(\d+)x)?(?:(\d+)x)?([a-z][\w.-]*)$/i.exec(text.trim());
  if (!found) return null;
  const device = DEVICES.find(({ name, aliases }) => [name, ...aliases].includes(found[3].toLowerCase()));
  return device ? { gpus: Number(found[1] ?? 1) * Number(found[2] ?? 1), device } : null;
}

/** A cluster in a few words: 64 × NVIDIA H100 SXM 80 GB. @param {string} text */
export function clusterLine(text) {
  const found = parts(text);
  return found ? `${found.gpus} × ${found.device.title}` : text;
}

/** The catalogue's price of a GPU hour, as text; empty where it has none. @param {string} text */
export function priceOf(text) {
  const price = parts(text)?.device.figures.price_per_hour;
  return price ? String(price.value) : '';
}

/**
 * @param {string} otherwise what is asked about while the address says nothing
 * @returns {(props: {values: Values, problems: Problem[]}) => any}
 */
export function clusterControl(otherwise) {
  return function ClusterField({ values, problems }) {
    const text = values.cluster ?? otherwise;
    const found = parts(text);
    const told = toldOf(problems, 'cluster');
    const put = (/** @type {string | number} */ gpus, /** @type {string} */ device) => change({ cluster: `${gpus}x${device}` });
    const name = found?.device.name ?? 'h100';
    const typed = /^(\d+)x/.exec(text)?.[1] ?? '1';
    const [blank, clear] = useState(false); // while a number is typed anew, the one before stands in the address
    const count = (/** @type {string} */ v) => {
      const digits = v.replace(/\D/g, '').replace(/^0+/, '');
      clear(!digits);
      if (digits) put(digits, name);
    };
    return html`
      <${Labelled} id="cluster-device" label=${t('cluster.device')} help=${found ? described(found.device) : t('cluster.own')}>
        <select id="cluster-device" aria-describedby="cluster-device-help" onChange=${(/** @type {any} */ e) => put(found?.gpus ?? typed, e.currentTarget.value)}>
          ${!found && html`<option value="" selected>${text}</option>`}
          ${VENDORS.map((vendor) => html`<optgroup label=${vendor}>${DEVICES.filter((one) => one.vendor === vendor).map((one) => html`<option value=${one.name} selected=${one.name === found?.device.name}>${one.title}</option>`)}</optgroup>`)}
        </select><//>
      <${Labelled} id="cluster-count" label=${t('cluster.count')} help=${t('cluster.count.help')} told=${told}>
        <${Typed} id="cluster-count" numeric=${true} value=${blank ? '' : found ? found.gpus : typed} told=${told} onChange=${count} /><//>`;
  };
}

/** Memory, rate and price of a device. @param {Device} device */
function described({ figures }) {
  const rate = figures['peak_flops.bf16'] ?? figures['peak_flops.fp16'];
  const price = figures.price_per_hour;
  return [
    figures.memory_bytes && binary(figures.memory_bytes.value),
    rate && `${Math.round(rate.value / 1e12)} TFLOP/s`,
    price && t('cluster.price', { dollars: price.value }),
  ].filter(Boolean).join(' · ');
}
