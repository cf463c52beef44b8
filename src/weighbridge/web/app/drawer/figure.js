// A figure that opens its formula.
import { html } from '../html.js';
import { change, useAddress } from '../state/store.js';

/**
 * @param {object} props
 * @param {string} props.of what the drawer shows: a name that the panel's ``explain`` understands
 * @param {any} props.children the figure in words
 * @param {string} [props.label] what the figure is, where the words do not say
 */
export function Figure({ of, children, label }) {
  const { values } = useAddress();
  const shown = values.x === of;
  const words = [children].flat();
  const said = label && words.every((one) => typeof one !== 'object') ? `${words.join('')}, ${label}` : label;
  return html`<button type="button" class="figure" data-of=${of} aria-expanded=${shown} aria-controls="drawer" aria-label=${said}
    onClick=${() => change({ x: shown ? '' : of }, { step: true })}>${children}</button>`;
}
