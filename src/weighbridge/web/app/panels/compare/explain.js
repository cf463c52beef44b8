// The questions behind the figures of a comparison: each is of one model.
import { lineOf } from '../inference/explain.js';

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
  const [, place, cluster, quant, figure] = deployment;
  const { line, steps: own } = lineOf(figure);
  const options = { ...question.options, cluster: /** @type {string[]} */ (question.options.cluster)[Number(cluster)], quant, line, advice: false };
  return { question: { ask: 'infer', model: (question.models ?? [])[Number(place)], options, with: ['explain'], ...beside(question) }, steps: own, tables };
}
