// Controls of the comparison: lists to which things are added until there are eight.
import { useState } from 'preact/hooks';
import CLUSTERS from '../../generated/clusters.json';
import { html } from '../../html.js';
import { Problem } from '../../controls/problem.js';
import { t } from '../../i18n/language.js';
import { short } from '../../format/number.js';
import { ENTRIES, matching } from '../../model/catalogue.js';
import { modelLine } from '../../model/picker.js';
import { wayOf } from '../../model/model.js';
import { change } from '../../state/store.js';
import { encoded } from '../../state/address.js';
import { MOST, PINNED, pinned, pinnedText } from '../shared/pin.js';
import { clusterLine } from '../shared/cluster.js';
import { CLUSTERS_KEY, FORMATS, MODELS_KEY, OWN, QUANT_KEY, clustersOf, formatsOf, modelsOf } from './chosen.js';

/** @typedef {import('../../state/address.js').Values} Values */
/** @typedef {import('../../engine/engine.js').Problem} Problem */

/** Things that were chosen, each with a button that takes it away. @param {{items: {key: string, name: any}[], away: (key: string) => void, label: string}} props */
function Chips({ items, away, label }) {
  return html`<ul class="chips" aria-label=${label}>${items.map(({ key, name }) => html`<li key=${key}><span>${name}</span>
    <button type="button" class="icon" aria-label=${t('compare.away', { name: key })} title=${t('compare.away', { name: key })} onClick=${() => away(key)}>×</button></li>`)}</ul>`;
}

/** What is wrong with fields of that beginning. @param {Problem[]} problems @param {string} start */
const told = (problems, start) => problems.filter(({ field }) => field.startsWith(start)).map(({ message }) => html`<${Problem} text=${message} />`);

/** @param {{values: Values, problems: Problem[]}} props */
export function ModelsPicker({ values, problems }) {
  const [sought, seek] = useState('');
  const models = modelsOf(values);
  const put = (/** @type {string[]} */ names) => change({ [MODELS_KEY]: names.join(',') }, { step: true });
  const found = matching(sought).filter(({ name }) => !models.includes(name));
  const full = models.length >= MOST;
  const add = (/** @type {string} */ name) => { if (!full) { put([...models, name]); seek(''); } };
  const own = wayOf(values) !== 'name' && !models.includes(OWN);
  const named = (/** @type {string} */ name) => (name === OWN ? modelLine(values) : name);
  return html`<${Chips} label=${t('compare.models')} items=${models.map((key) => ({ key, name: named(key) }))} away=${(/** @type {string} */ key) => put(models.filter((one) => one !== key))} />
    ${told(problems, 'model')}
    <p class="hint" role="status">${full ? t('compare.full', { most: MOST }) : t('compare.room', { count: models.length, most: MOST })}</p>
    ${own && html`<button type="button" class="quiet" disabled=${full} onClick=${() => add(OWN)}>${t('compare.own', { name: modelLine(values) })}</button>`}
    <div class="field"><label for="compare-search">${t('compare.add')}</label>
      <input id="compare-search" type="search" value=${sought} disabled=${full} autocomplete="off" placeholder=${t('model.search.hint', { count: ENTRIES.length })}
        onInput=${(/** @type {any} */ e) => seek(e.currentTarget.value)} onKeyDown=${(/** @type {KeyboardEvent} */ e) => { if (e.key === 'Enter' && found.length) add(found[0].name); }} />
      <ul class="models" aria-label=${t('model.found')}>${found.map((one) => html`<li key=${one.name}><button type="button" disabled=${full} onClick=${() => add(one.name)}><span>${one.name}</span><span class="size">${short(one.parameters)}</span></button></li>`)}
        ${!found.length && html`<li class="none">${t('model.none')}</li>`}</ul></div>`;
}

/** @param {{values: Values, problems: Problem[]}} props */
export function ClustersPicker({ values, problems }) {
  const [device, pick] = useState('h100');
  const [count, type] = useState('1');
  const clusters = clustersOf(values);
  const put = (/** @type {string[]} */ names) => change({ [CLUSTERS_KEY]: names.join(',') }, { step: true });
  const next = `${Number(count) || 1}x${device}`;
  const full = clusters.length >= MOST || clusters.includes(next);
  return html`<p class="hint">${t('compare.clusters.help')}</p>
    <${Chips} label=${t('compare.clusters')} items=${clusters.map((key) => ({ key, name: clusterLine(key) }))} away=${(/** @type {string} */ key) => put(clusters.filter((one) => one !== key))} />
    ${told(problems, 'options.cluster')}
    <div class="adding"><label><span>${t('cluster.count')}</span><input id="compare-count" type="text" class="number" inputmode="numeric" value=${count} onInput=${(/** @type {any} */ e) => type(e.currentTarget.value.replace(/\D/g, ''))} /></label>
      <label><span>${t('cluster.device')}</span><select id="compare-device" onChange=${(/** @type {any} */ e) => pick(e.currentTarget.value)}>${CLUSTERS.devices.map(({ name, title }) => html`<option key=${name} value=${name} selected=${name === device}>${title}</option>`)}</select></label>
      <button type="button" class="apply" disabled=${full} onClick=${() => put([...clusters, next])}>${t('compare.add.cluster')}</button></div>`;
}

/** @param {{values: Values, problems: Problem[]}} props */
export function FormatsPicker({ values, problems }) {
  const now = formatsOf(values);
  const flip = (/** @type {string} */ name) => change({ [QUANT_KEY]: FORMATS.filter((one) => (one === name ? !now.includes(one) : now.includes(one))).join(',') }, { step: true });
  return html`<fieldset class="checks columns-of-checks"><legend>${t('compare.formats')}</legend>
    ${FORMATS.map((name) => html`<label key=${name}><input type="checkbox" checked=${now.includes(name)} onChange=${() => flip(name)} /> <span>${name}</span></label>`)}</fieldset>
    ${told(problems, 'options.quant')}`;
}

/** Plans that were kept on other panels. @param {{values: Values}} props */
export function PlansPicker({ values }) {
  const plans = pinned(values);
  const away = (/** @type {string} */ key) => change({ [PINNED]: pinnedText(plans.filter((plan, place) => `${place + 1}` !== key)) }, { step: true });
  return html`<p class="hint">${t('compare.plans.help')}</p>
    <${Chips} label=${t('compare.plans')} away=${away} items=${plans.map((plan, place) => ({ key: `${place + 1}`, name: html`<a href=${encoded({ panel: plan.panel, values: { ...plan.values, [PINNED]: values[PINNED] ?? '' } })}>${place + 1}. ${t(`panel.${plan.panel}`)} · ${modelLine(plan.values)} · ${clusterLine(plan.values.cluster ?? '')}</a>` }))} />`;
}
