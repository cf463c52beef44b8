// What is wrong with a question asked beside the answer, where its answer would stand.
import { html } from '../../html.js';

/** @param {{told: import('../../engine/engine.js').Told}} props */
export const Wrong = ({ told }) => told.problems.map(({ message }) => html`<p class="problem" lang="en">${message}</p>`);
