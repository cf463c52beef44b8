// What is wrong, said beside what it is about.
import { html } from '../html.js';
import { Said } from '../i18n/said.js';

/** @param {{text: string, id?: string}} props */
export const Problem = (props) => html`<${Said} of="p" class="problem" role="alert" ...${props} />`;
