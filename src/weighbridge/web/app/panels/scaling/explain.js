// The questions behind the figures of scaling laws, and where their derivations stand.
import { below } from '../../drawer/steps.js';

/** @typedef {import('../../state/question.js').Question} Question */

/** The line of the middle of the laws, which is of no law. */
const MIDDLE = 'middle';

/** The name of a figure: of a law, a line of the explanation, and a symbol in it. @param {string} law @param {string} line @param {string} symbol */
export const figureOf = (law, line, symbol) => [law, line, symbol].join(':');

/** The name of a figure of all laws together. @param {string} symbol */
export const middleOf = (symbol) => figureOf('', MIDDLE, symbol);

/** @param {string} shown @param {Question} question */
export function explainScaling(shown, question) {
  const [symbol, line, ...named] = shown.split(':').reverse();
  if (!line) return null;
  const law = named.reverse().join(':');
  return {
    question: { ...question, options: { ...question.options, line }, with: ['explain'] },
    steps: (/** @type {any} */ { explanation, over_laws_explanation: over }) => below(line === MIDDLE ? over : explanation[law] ?? [], symbol),
  };
}
