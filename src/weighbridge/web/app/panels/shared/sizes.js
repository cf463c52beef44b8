// Parallel sizes: those with which the plan that was answered last has no problems, as Python says; no others can be chosen.
import { html } from '../../html.js';
import { Choice, Labelled, helpOf, labelOf, toldOf } from '../../controls/fields.js';
import { change } from '../../state/store.js';

/**
 * @param {string} ask
 * @param {string} name
 * @param {boolean} chosen left out, Python chooses the size; otherwise it is 1
 * @returns {(props: {values: Record<string, string>, problems: import('../../engine/engine.js').Problem[], answer: any}) => any}
 */
export function sizeControl(ask, name, chosen = false) {
  const key = `${ask}.${name}`;
  return function Size({ values, problems, answer }) {
    const told = toldOf(problems, name);
    const own = values[key];
    const sizes = [...new Set([...(answer?.sizes?.[name] ?? [1]), ...(own ? [Number(own)] : [])])].sort((a, b) => a - b).map(String);
    return html`<${Labelled} id=${key} label=${labelOf(name)} help=${helpOf(ask, name)} told=${told}>
      <${Choice} id=${key} value=${own ?? (chosen ? '' : '1')} choices=${sizes} empty=${chosen} told=${told}
        onChange=${(/** @type {string} */ v) => change({ [key]: v === '1' && !chosen ? '' : v }, { step: true })} /><//>`;
  };
}
