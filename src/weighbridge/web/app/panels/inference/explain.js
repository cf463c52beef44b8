// The questions behind the figures of a deployment, and where their derivations stand.
import { below } from '../../drawer/steps.js';

/** @typedef {import('../../state/question.js').Question} Question */
/** @typedef {import('../../drawer/steps.js').Step} Step */

/** The line that opens each figure which is not called as it, or is one of several of a line. @type {Record<string, string>} */
const LINES = {
  kv_cache_bytes_per_token: 'cache_per_token', kv_cache_of_a_gpu: 'kv_cache',
  engine_takes: 'engine', left_for_cache: 'engine', reserved: 'engine', missing: 'engine',
  ttft_alone_seconds: 'ttft_alone', inter_token_seconds: 'itl',
  end_to_end_seconds: 'speed', tokens_per_second: 'speed', tokens_per_second_per_gpu: 'speed', tokens_per_second_per_user: 'speed',
  dollars_per_million_input: 'price', dollars_per_million_output: 'price',
  joules_per_million_input: 'energy', joules_per_million_output: 'energy',
};

/** Figures of sequences of so many tokens. */
const CONTEXT = /^(kv_cache|sequences)_of_\d+_tokens$/;

/** ``batch=64:tpot``: a figure of the same deployment with other options. */
const OTHER = /^(.+):(\w+)$/;

/** What of a line's derivation a figure is: all of it, where it is called as the line. @param {string} figure */
export function lineOf(figure) {
  const line = CONTEXT.test(figure) ? 'contexts' : LINES[figure] ?? figure;
  return { line, steps: (/** @type {{explanation: Step[]}} */ { explanation }) => (line === figure ? explanation : below(explanation, figure)) };
}

/** The name of a figure of the same deployment with other options. @param {Record<string, string | number>} options @param {string} figure */
export const otherwise = (options, figure) => `${Object.entries(options).map(([name, value]) => `${name}=${value}`).join(',')}:${figure}`;

/** Options of a name, as ``otherwise`` writes them. @param {string} text */
function optionsIn(text) {
  const pairs = text.split(',').map((one) => one.split('='));
  return Object.fromEntries(pairs.map(([name, value]) => [name, name === 'batch' ? Number(value) : value]));
}

/** @param {string} shown @param {Question} question */
export function explainInference(shown, question) {
  const [, others = '', figure = shown] = OTHER.exec(shown) ?? [];
  const { line, steps } = lineOf(figure);
  return {
    question: { ...question, options: { ...question.options, ...(others && optionsIn(others)), line, advice: false }, with: ['explain'] },
    steps,
    tables: (/** @type {any} */ answer) => answer.tables,
  };
}
