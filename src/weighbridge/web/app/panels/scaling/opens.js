// Figures of one law's answer; those that Python explains open their formula.
import { html } from '../../html.js';
import { Figure } from '../../drawer/figure.js';
import { figureOf } from './explain.js';

/**
 * @param {object} props
 * @param {any} props.answer of one law
 * @param {string} props.line of its explanation
 * @param {string} props.symbol in the line
 * @param {string} props.label what the figure is
 * @param {string} props.text the figure in words
 */
export function Opens({ answer: { law: { name }, explainable }, line, symbol, label, text }) {
  return explainable.includes(line) ? html`<${Figure} of=${figureOf(name, line, symbol)} label=${`${name}, ${label}: ${text}`}>${text}<//>` : text;
}
