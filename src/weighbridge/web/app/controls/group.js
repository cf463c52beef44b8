// A group of the left column: folded to one readable line until it is opened, or until something in it is wrong.
import { useEffect, useRef } from 'preact/hooks';
import { html } from '../html.js';

/** @param {{title: string, summary: string, wrong?: boolean, open?: boolean, children?: any}} props */
export function Group({ title, summary, wrong = false, open = false, children }) {
  const place = useRef(/** @type {HTMLDetailsElement | null} */ (null));
  useEffect(() => {
    if (open && place.current) place.current.open = true;
  }, []);
  useEffect(() => {
    if (wrong && place.current) place.current.open = true; // it stays open: what was typed is looked at again
  }, [wrong]);
  return html`<details class="group ${wrong ? 'wrong' : ''}" ref=${place}>
    <summary><span class="name">${title}</span> <span class="line">${summary}</span></summary>
    <div class="fields">${children}</div>
  </details>`;
}
