// The catalogue of models, with a search over names, aliases and repositories.
import { useState } from 'preact/hooks';
import { html } from '../html.js';
import { Problem } from '../controls/problem.js';
import { t } from '../i18n/language.js';
import { short } from '../format/number.js';
import { change } from '../state/store.js';
import MODELS from '../generated/models.json';

/** @typedef {{name: string, title: string, aliases: string[], hugging_face: string, parameters: number}} Entry */

/** Entries with what is searched of them. */
export const ENTRIES = /** @type {Entry[]} */ (MODELS).map((entry) => ({
  ...entry,
  words: [entry.name, entry.title, entry.hugging_face, ...entry.aliases].join(' ').toLowerCase(),
}));

/** The words of a search. @param {string} text */
const partsOf = (text) => text.toLowerCase().split(/\s+/).filter(Boolean);

/** The entries in which every word of a search stands. @param {string} text */
export function matching(text) {
  const parts = partsOf(text);
  return ENTRIES.filter(({ words }) => parts.every((part) => words.includes(part)));
}

/** How far a name is from what is sought: letters beyond it, the rest of the catalogue's order aside. @param {Entry} entry @param {string[]} parts */
function far({ name, aliases }, parts) {
  const sought = parts.join('-');
  if (!sought) return 0;
  return Math.min(...[name, ...aliases].map((one) => (one.startsWith(sought) ? one.length - sought.length : 100)));
}

/** Bring the chosen model into sight. @param {HTMLElement} list */
function seen(list) {
  const chosen = list.querySelector('[aria-pressed="true"]');
  if (chosen instanceof HTMLElement && list.scrollTop === 0) list.scrollTop = chosen.offsetTop - list.offsetTop - list.clientHeight / 2;
}

/** @param {{value: string, told: string[]}} props */
export function Catalogue({ value, told }) {
  const [sought, seek] = useState('');
  const parts = partsOf(sought);
  const found = matching(sought).sort((a, b) => far(a, parts) - far(b, parts));
  const pick = (/** @type {string} */ name) => change({ model: name }, { step: true });
  const enter = (/** @type {KeyboardEvent} */ event) => {
    if (event.key === 'Enter' && found.length) pick(found[0].name);
  };
  return html`<div class="field ${told.length ? 'wrong' : ''}">
    <label for="model-search">${t('model.search')}</label>
    <input id="model-search" type="search" value=${sought} placeholder=${t('model.search.hint', { count: ENTRIES.length })} autocomplete="off"
      onInput=${(/** @type {any} */ e) => seek(e.currentTarget.value)} onKeyDown=${enter} />
    ${told.map((text) => html`<${Problem} text=${text} />`)}
    <ul class="models" ref=${(/** @type {HTMLElement | null} */ list) => list && !sought && seen(list)} aria-label=${t('model.found')}>
      ${found.map((entry) => html`<li key=${entry.name}><button type="button" aria-pressed=${entry.name === value} onClick=${() => pick(entry.name)}>
        <span>${entry.name}</span><span class="size">${short(entry.parameters)}</span></button></li>`)}
      ${!found.length && html`<li class="none">${t('model.none')}</li>`}
    </ul>
  </div>`;
}
