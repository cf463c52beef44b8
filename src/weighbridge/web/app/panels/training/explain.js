// The questions behind the figures of a training step, and where their derivations stand.

import { below } from '../../drawer/steps.js';
import { t } from '../../i18n/language.js';
import { exact } from '../../format/number.js';

/** @typedef {import('../../state/question.js').Question} Question */

/**
 * ``line:weights:2``: a line of stage 2's ledger; ``passes:forward_seconds:2``: its time; ``cost:dollars``: a figure of the run;
 * ``speed:mfu``: one of a step; ``epoch:steps`` and ``trained:trained_parameters``: of a fine-tuning.
 */
const LINE = /^line:(\w+):(\d+)$/;
const PASSES = /^passes:(\w+):(\d+)$/;
const OTHER = /^(cost|speed|epoch|trained):(\w+)$/;

/** Names that figures have in explanations, where they differ. @type {Record<string, string>} */
const CALLED = { allocator: 'reserved', peak_reserved: 'reserved', checkpoint_interval_seconds: 'checkpoint_interval' };

/** @param {string} shown @param {Question} question */
export function explainTraining(shown, question) {
  const line = LINE.exec(shown);
  if (line) return asked(question, { line: CALLED[line[1]] ?? line[1], stage: Number(line[2]) }, null);
  const passes = PASSES.exec(shown);
  if (passes) return asked(question, { line: 'passes', stage: Number(passes[2]) }, passes[1]);
  const other = OTHER.exec(shown);
  return other && asked(question, { line: other[1] }, CALLED[other[2]] ?? other[2]);
}

/** @param {Question} question @param {Record<string, unknown>} options @param {string | null} root */
function asked(question, options, root) {
  return {
    question: { ...question, options: { ...question.options, ...options, advice: false }, with: ['explain'] },
    steps: (/** @type {any} */ { explanation }) => (root ? below(explanation, root) : explanation),
    tables: (/** @type {any} */ { tensors }) => (tensors.length ? [standing(tensors)] : []),
  };
}

/** Tensors that stand at the highest moment, the largest first. @param {any[]} tensors @returns {import('../panel.js').Beside} */
function standing(tensors) {
  const rows = tensors.filter(({ bytes, count }) => bytes * count > 0).map(({ name, made_by, axes, shape, dtype, bytes, count }) => [
    made_by ? `${name} · ${made_by.replace(/^layers\./, '')}` : name, shape.map((/** @type {number} */ size, /** @type {number} */ place) => `${exact(size)} ${axes[place]}`).join(' × ') || '1',
    dtype, exact(bytes), exact(count), exact(bytes * count)]);
  return { line: tensors[0].line, title: t('train.tensors'), columns: ['train.tensor', 'train.shape', 'train.type', 'params.bytes', 'train.count', 'memory.all'].map((key) => t(key)), rows, remark: '' };
}
