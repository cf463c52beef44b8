// The questions behind the figures of a comparison: each is of one model.

/** @typedef {import('../../state/question.js').Question} Question */

/** ``model:2:bytes``: a figure of the third model; ``deployment:2:0:bf16:total``: of its deployment on the first cluster. */
const MODEL = /^model:(\d+):(\w+)$/;
const DEPLOYMENT = /^deployment:(\d+):(\d+):(.*):(\w+)$/;

/** Figures of models, by the ask and the quantity that explain them. @type {Record<string, [string, string]>} */
export const EXPLAINED = {
  parameters: ['params', 'total'],
  active: ['params', 'active'],
  embedding: ['params', 'embedding'],
  bytes: ['params', 'bytes'],
  forward_flops: ['flops', 'forward'],
  training_flops: ['flops', 'training'],
};

/** Of lines that explain several figures the one that the table shows. @type {Record<string, string>} */
const ROOTS = { speed: 'tokens_per_second_per_gpu', price: 'dollars_per_million_output' };

/** What a question brings with it. @param {any} question */
const beside = ({ files, held }) => ({ ...(files && { files }), ...(held && { held }) });

/** @param {string} shown @param {Question} question */
export function explainCompared(shown, question) {
  const model = MODEL.exec(shown);
  const deployment = DEPLOYMENT.exec(shown);
  const steps = (/** @type {any} */ { explanation }) => explanation;
  const tables = (/** @type {any} */ answer) => answer.tables ?? [];
  if (model) {
    const [ask, quantity] = EXPLAINED[model[2]];
    const { seq, dtype } = question.options;
    const options = { quantity, ...(ask === 'flops' ? seq !== undefined && { seq } : dtype !== undefined && { dtype }) };
    return { question: { ask, model: (question.models ?? [])[Number(model[1])], options, with: ['explain'], ...beside(question) }, steps };
  }
  if (!deployment) return null;
  const [, place, cluster, quant, line] = deployment;
  const options = { ...question.options, cluster: /** @type {string[]} */ (question.options.cluster)[Number(cluster)], quant, line, advice: false };
  return { question: { ask: 'infer', model: (question.models ?? [])[Number(place)], options, with: ['explain'], ...beside(question) }, steps: (/** @type {any} */ answer) => (ROOTS[line] ? steps(answer).filter((/** @type {any} */ { path }) => path[0] === ROOTS[line]) : steps(answer)), tables };
}
