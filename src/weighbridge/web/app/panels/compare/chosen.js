// What stands side by side: models by name (and the one of the other panels, however it was given), clusters, formats.
import { MOST, pinned } from '../shared/pin.js';
import { wayOf } from '../../model/model.js';
import { field } from '../../state/question.js';

/** @typedef {import('../../state/address.js').Values} Values */

export const MODELS_KEY = 'models';
export const CLUSTERS_KEY = 'compare.clusters';
export const QUANT_KEY = 'compare.quant';

/** Stands for the model of the other panels, where that is no name: typed, pasted or dropped. */
export const OWN = '@';

/** Formats of weights that are offered. */
export const FORMATS = field('compare', 'quant').suggested ?? [];

/** The models that the page opens with: sizes of two families. */
const EXAMPLE = ['gpt2', 'gpt2-medium', 'gpt2-large', 'llama-7b', 'llama-13b'];

/** A list of the address. @param {Values} values @param {string} key */
const list = (values, key) => (values[key] ?? '').split(',').filter(Boolean);

/** Models of plans that were kept for comparison. @param {Values} values */
const ofPlans = (values) => [...new Set(pinned(values).map((plan) => (wayOf(plan.values) === 'name' ? plan.values.model : '')).filter(Boolean))];

/** The models that are chosen: those of kept plans, else the worked example, while none is. @param {Values} values @returns {string[]} */
export function modelsOf(values) {
  const said = list(values, MODELS_KEY).filter((name) => name !== OWN || wayOf(values) !== 'name');
  if (said.length) return said.slice(0, MOST);
  const planned = ofPlans(values);
  return planned.length ? planned.slice(0, MOST) : EXAMPLE;
}

/** @param {Values} values */
export const clustersOf = (values) => list(values, CLUSTERS_KEY).slice(0, MOST);

/** @param {Values} values */
export const formatsOf = (values) => list(values, QUANT_KEY);
