// The questions behind the figures of a deployment, and where their derivations stand.

/** @typedef {import('../../state/question.js').Question} Question */
/** @typedef {import('../../drawer/steps.js').Step} Step */

/** The line that opens each figure that has another name. @type {Record<string, string>} */
const LINES = {
  end_to_end_seconds: 'speed', tokens_per_second: 'speed', tokens_per_second_per_gpu: 'speed', tokens_per_second_per_user: 'speed',
  dollars_per_million_input: 'price', dollars_per_million_output: 'price',
};

/** @param {string} shown @param {Question} question */
export function explainInference(shown, question) {
  const line = LINES[shown] ?? shown;
  return {
    question: { ...question, options: { ...question.options, line, advice: false }, with: ['explain'] },
    steps: (/** @type {any} */ { explanation }) => {
      const own = /** @type {Step[]} */ (explanation).filter(({ path }) => path[0] === shown);
      return line === shown ? explanation : own;
    },
    tables: (/** @type {any} */ answer) => answer.tables,
  };
}
