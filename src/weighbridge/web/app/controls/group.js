// A group of the left column: folded to one readable line until it is opened.
import { html } from '../html.js';

/** @param {{title: string, summary: string, wrong?: boolean, open?: boolean, children?: any}} props */
export function Group({ title, summary, wrong = false, open = false, children }) {
  return html`<details class="group ${wrong ? 'wrong' : ''}" open=${open || wrong}>
    <summary><span class="name">${title}</span> <span class="line">${summary}</span></summary>
    <div class="fields">${children}</div>
  </details>`;
}
