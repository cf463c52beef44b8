// What would help, each change with what it gives and a button that makes it.
import { html } from '../../html.js';
import { t } from '../../i18n/language.js';
import { said } from '../../i18n/phrasebook.js';
import { keyOf } from '../../state/question.js';
import { change } from '../../state/store.js';

/** @typedef {{change: string, options: Record<string, unknown>}} Change */

/** The values of the address that options stand for. @param {string} ask @param {Record<string, unknown>} options */
function valuesOf(ask, options) {
  return Object.fromEntries(Object.entries(options).map(([name, value]) => [keyOf(ask, name), value === null ? '' : String(value)]));
}

/**
 * @param {object} props
 * @param {string} props.title
 * @param {string} props.ask
 * @param {Change[]} props.changes
 * @param {(one: any) => string} props.gives what a change gives, in words
 * @param {string} [props.hint]
 */
export function Changes({ title, ask, changes, gives, hint }) {
  if (!changes.length) return null;
  return html`<section class="view"><h2>${title}</h2>${hint && html`<p class="hint">${hint}</p>`}
    <ul class="changes">${changes.map((one) => html`<li key=${one.change}>
      <div><b>${said(one.change)}</b><p>${gives(one)}</p></div>
      ${ask !== 'megatron' && html`<button type="button" class="apply" aria-label=${t('changes.apply.this', { change: said(one.change) })}
        onClick=${() => change(valuesOf(ask, one.options), { step: true })}>${t('changes.apply')}</button>`}</li>`)}</ul></section>`;
}
