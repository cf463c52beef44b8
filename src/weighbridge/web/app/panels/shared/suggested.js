// A field of free text with what it most often is to choose from, where a panel says more of it than Python's fields do.
import { html } from '../../html.js';
import { Labelled, Suggested, helpOf, labelOf, toldOf } from '../../controls/fields.js';
import { field, keyOf } from '../../state/question.js';
import { change } from '../../state/store.js';

/**
 * @param {string} ask
 * @param {string} name
 * @param {object} more
 * @param {string[]} [more.choices] names of a catalogue; those that Python suggests
 * @param {string} [more.otherwise] what the panel takes while nothing is said
 * @returns {(props: {values: import('../../state/address.js').Values, problems: import('../../engine/engine.js').Problem[]}) => any}
 */
export function suggested(ask, name, { choices = field(ask, name).suggested ?? [], otherwise }) {
  const key = keyOf(ask, name);
  return function Control({ values, problems }) {
    const told = toldOf(problems, name);
    return html`<${Labelled} id=${key} label=${labelOf(name)} help=${helpOf(ask, name)} told=${told}>
      <${Suggested} id=${key} value=${values[key] ?? ''} hint=${otherwise ?? field(ask, name).default ?? ''} choices=${choices} told=${told} onChange=${(/** @type {string} */ v) => change({ [key]: v })} /><//>`;
  };
}
