// A field of free text with the values that people mean most often to choose from.
import { html } from '../../html.js';
import { Labelled, Typed, helpOf, labelOf, toldOf } from '../../controls/fields.js';
import { field, keyOf } from '../../state/question.js';
import { change } from '../../state/store.js';

/**
 * @param {string} ask
 * @param {string} name
 * @param {string[]} choices
 * @param {string} [otherwise] what the panel takes while nothing is said
 * @returns {(props: {values: import('../../state/address.js').Values, problems: import('../../engine/engine.js').Problem[]}) => any}
 */
export function suggested(ask, name, choices, otherwise) {
  const key = keyOf(ask, name);
  return function Suggested({ values, problems }) {
    const told = toldOf(problems, name);
    return html`<${Labelled} id=${key} label=${labelOf(name)} help=${helpOf(ask, name)} told=${told}>
      <${Typed} id=${key} value=${values[key] ?? ''} hint=${otherwise ?? field(ask, name).default ?? ''} told=${told} list="${key}-list" onChange=${(/** @type {string} */ v) => change({ [key]: v })} />
      <datalist id="${key}-list">${choices.map((choice) => html`<option value=${choice} />`)}</datalist><//>`;
  };
}
