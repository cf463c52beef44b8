// Figures side by side, each with its name; those that Python explains open their formula.
import { html } from '../../html.js';
import { Figure } from '../../drawer/figure.js';

/** @typedef {{name: string, value: any, of?: string, also?: any}} Fact */

/** @param {{facts: (Fact | false | null | undefined)[], label: string}} props */
export function Facts({ facts, label }) {
  const there = /** @type {Fact[]} */ (facts.filter(Boolean));
  return html`<dl class="facts" aria-label=${label}>${there.map(({ name, value, of, also }) => html`<div key=${name}>
    <dt>${name}</dt><dd>${of ? html`<${Figure} of=${of}>${value}<//>` : value}</dd>
    ${also && html`<dd class="also">${also}</dd>`}</div>`)}</dl>`;
}
