// The questions behind the figures of a training step, and where their derivations stand.

/** @typedef {import('../../state/question.js').Question} Question */
/** @typedef {import('../../drawer/steps.js').Step} Step */

/** ``line:weights:2``: a line of stage 2's ledger; ``cost:dollars``: a figure of the run. */
const LINE = /^line:(\w+):(\d+)$/;
const COST = /^cost:(\w+)$/;

/** Names that the ledger's lines have in explanations, where they differ. @type {Record<string, string>} */
const CALLED = { allocator: 'reserved', peak_reserved: 'reserved' };

/** @param {string} shown @param {Question} question */
export function explainTraining(shown, question) {
  const line = LINE.exec(shown);
  if (line) return asked(question, { line: CALLED[line[1]] ?? line[1], stage: Number(line[2]) }, null);
  const cost = COST.exec(shown);
  return cost && asked(question, { line: 'cost' }, cost[1]);
}

/** @param {Question} question @param {Record<string, unknown>} options @param {string | null} root */
function asked(question, options, root) {
  return {
    question: { ...question, options: { ...question.options, ...options, advice: false }, with: ['explain'] },
    steps: (/** @type {any} */ { explanation }) => /** @type {Step[]} */ (explanation).filter(({ path }) => !root || path[0] === root),
  };
}
