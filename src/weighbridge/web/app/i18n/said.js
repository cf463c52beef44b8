// Python's words on the page: in the reader's language, or marked as English.
import { html } from '../html.js';
import { english, said } from './phrasebook.js';

/**
 * @param {object} props
 * @param {string} props.text what Python says
 * @param {string} [props.of] the element that it stands in
 */
export function Said({ text, of = 'span', ...more }) {
  const words = said(text);
  return html`<${of} lang=${english(words) ? 'en' : undefined} ...${more}>${words}</${of}>`;
}
