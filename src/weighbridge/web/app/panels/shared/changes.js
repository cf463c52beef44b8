// What would help, each change with what it gives and a button that makes it.
import { html } from '../../html.js';
import { spoken, t } from '../../i18n/language.js';
import { labelOf } from '../../controls/fields.js';
import { keyOf } from '../../state/question.js';
import { change } from '../../state/store.js';

/** @typedef {{change: string, options: Record<string, unknown>}} Change */

/** The values of the address that options stand for. @param {string} ask @param {Record<string, unknown>} options */
function valuesOf(ask, options) {
  return Object.fromEntries(Object.entries(options).map(([name, value]) => [keyOf(ask, name), value === null ? '' : String(value)]));
}

/**
 * A change in the reader's language: Python's own words in English, elsewhere the fields that it sets.
 * @param {Change} one
 * @param {Record<string, unknown>} now values that stay as they are are not named
 */
function called({ change: words, options }, now) {
  if (spoken() === 'en') return words;
  const said = (/** @type {unknown} */ value) => (value === true ? t('controls.yes') : value === false ? t('controls.no') : String(value));
  const set = Object.entries(options).filter(([name, value]) => value !== null && now[name] !== value);
  return set.map(([name, value]) => `${labelOf(name)}${t('changes.to')}${said(value)}`).join(' · ') || words;
}

/**
 * @param {object} props
 * @param {string} props.title
 * @param {string} props.ask
 * @param {Change[]} props.changes
 * @param {(one: any) => string} props.gives what a change gives, in words
 * @param {string} [props.hint]
 * @param {Record<string, unknown>} [props.now] values of options that changes may name without changing them
 */
export function Changes({ title, ask, changes, gives, hint, now = {} }) {
  if (!changes.length) return null;
  return html`<section class="view"><h2>${title}</h2>${hint && html`<p class="hint">${hint}</p>`}
    <ul class="changes">${changes.map((one) => html`<li key=${one.change}>
      <div><b>${called(one, now)}</b><p>${gives(one)}</p></div>
      ${ask !== 'megatron' && html`<button type="button" class="apply" aria-label=${t('changes.apply.this', { change: called(one, now) })}
        onClick=${() => change(valuesOf(ask, one.options), { step: true })}>${t('changes.apply')}</button>`}</li>`)}</ul></section>`;
}
