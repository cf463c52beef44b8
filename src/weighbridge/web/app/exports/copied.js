// The answer as it stands on the page, without what only a page can do: buttons go, pictures become SVG.
import { styled } from '../charts/colours.js';
import { svgOf } from '../charts/pictures.js';

/** What has no meaning on paper. */
const LEFT_OUT = '.exports, .saves, .pin, .working, .told, .fold, button:not(.figure):not(thead button), input, select, textarea, label';

/** Inks of the style sheet that pictures are drawn with. */
const INKS = ['--ground', '--paper', '--ink', '--soft', '--line', '--accent', '--wrong', '--good', '--warn'];

/**
 * @param {Element} shown the answer on the page
 * @param {(of: string) => string | null} anchor where a figure's derivation stands; ``null`` for none
 * @returns {Promise<HTMLElement>}
 */
export async function copied(shown, anchor) {
  const copy = /** @type {HTMLElement} */ (shown.cloneNode(true));
  const places = [...shown.querySelectorAll('.picture')];
  for (const [number, place] of [...copy.querySelectorAll('.picture')].entries()) {
    const svg = await svgOf(places[number]);
    if (svg) place.innerHTML = inked(svg);
    place.removeAttribute('style');
  }
  for (const one of copy.querySelectorAll(LEFT_OUT)) one.remove();
  for (const one of copy.querySelectorAll('thead button')) one.replaceWith(one.textContent ?? '');
  for (const one of copy.querySelectorAll('.figure')) one.replaceWith(linked(one, anchor(one.getAttribute('data-of') ?? '')));
  for (const one of copy.querySelectorAll('details')) if (one.children.length < 2) one.remove(); // folded, and never opened
  for (const one of copy.querySelectorAll('details:not(.data)')) one.setAttribute('open', '');
  for (const name of ['id', 'tabindex', 'aria-busy', 'class']) copy.removeAttribute(name);
  return copy;
}

/** A figure as a link to its derivation, else as text. @param {Element} figure @param {string | null} anchor */
function linked(figure, anchor) {
  const out = document.createElement(anchor ? 'a' : 'span');
  if (anchor) out.setAttribute('href', `#${anchor}`);
  out.className = 'figure';
  out.append(...figure.childNodes);
  return out;
}

/** A picture whose inks follow light and dark: they become the names of the style sheet. @param {string} svg */
function inked(svg) {
  return INKS.reduce((text, name) => {
    const ink = styled(name);
    return /^#[0-9a-f]{3,8}$/i.test(ink) ? text.replaceAll(new RegExp(`${ink}(?![0-9a-f])`, 'gi'), `var(${name})`) : text;
  }, svg);
}
