// The questions behind the figures of one's own devices, and where their derivations stand.

/** @typedef {import('../../state/question.js').Question} Question */
/** @typedef {import('../../drawer/steps.js').Step} Step */

/** The line that opens each figure that has another name. @type {Record<string, string>} */
const LINES = { tokens_per_second: 'speed', tokens_per_second_full: 'speed', prompt_tokens_per_second: 'prompt' };

/**
 * What the drawer is asked for: a figure of a quantisation, of what a device needs also its place.
 * @param {string} figure @param {any} option @param {number} [place]
 */
export const figureOf = (figure, { quantisation }, place) => [figure, quantisation, ...(place === undefined ? [] : [place])].join(':');

/** @param {string} shown @param {Question} question */
export function explainLocal(shown, question) {
  const [figure, quantisation, place] = shown.split(':');
  if (!quantisation) return null;
  const line = LINES[figure] ?? figure;
  return {
    question: { ...question, options: { ...question.options, line, quantisation }, with: ['explain'] },
    steps: (/** @type {any} */ { explanation, explained, options }) => {
      if (place === undefined) return explanation.filter((/** @type {Step} */ { path }) => path[0] === figure);
      const { by_device } = options.find((/** @type {any} */ one) => one.quantisation === explained);
      const before = by_device.slice(0, Number(place)).filter((/** @type {any} */ { needed }) => needed).length;
      return figures(explanation)[before] ?? [];
    },
  };
}

/** Steps of several figures, figure by figure. @param {Step[]} steps @returns {Step[][]} */
function figures(steps) {
  /** @type {Step[][]} */
  const found = [];
  for (const step of steps) step.path.length === 1 ? found.push([step]) : found[found.length - 1].push(step);
  return found;
}
