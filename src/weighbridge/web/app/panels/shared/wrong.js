// What is wrong with a question asked beside the answer, where its answer would stand.
import { html } from '../../html.js';
import { Said } from '../../i18n/said.js';

/** @param {{told: import('../../engine/engine.js').Told}} props */
export const Wrong = ({ told }) => told.problems.map(({ message }) => html`<${Said} of="p" class="problem" text=${message} />`);
