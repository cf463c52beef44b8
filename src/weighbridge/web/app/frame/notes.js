// What the reader should know of an answer, in Python's words.
import { html } from '../html.js';
import { Said } from '../i18n/said.js';
import { t } from '../i18n/language.js';

/** @param {{notes: string[], source?: string}} props */
export function Notes({ notes, source = '' }) {
  if (!notes.length && !source) return null;
  return html`<section class="notes"><h2>${t('notes.title')}</h2>
    ${notes.map((note) => html`<${Said} of="p" text=${note} />`)}
    ${source && html`<p>${t('notes.source', { source: '' })}<cite lang="en">${source}</cite></p>`}</section>`;
}
