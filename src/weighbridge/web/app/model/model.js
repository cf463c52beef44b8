// The model of a state: what the question calls it. It stands in the address like everything else.
import { unpacked } from '../state/packing.js';
import { typedModel } from './typed.js';

/** @typedef {import('../state/address.js').Values} Values */

/** The ways in which a model may be given. @typedef {'name' | 'typed' | 'config' | 'file'} Way */

/** How the model is given. @param {Values} values @returns {Way} */
export function wayOf({ model = '' }) {
  if (model === '~typed') return 'typed';
  if (model === '~config') return 'config';
  return model === '~file' ? 'file' : 'name';
}

/** Values of the address that the model depends on, as one text. @param {Values} values */
export const keyOfModel = (values) =>
  JSON.stringify(Object.entries(values).filter(([key]) => key === 'model' || key.startsWith('m.')).sort());

/**
 * The model as a question names it.
 * @param {Values} values
 * @returns {Promise<{model: unknown, held?: string[]}>}
 */
export async function modelOf(values) {
  const way = wayOf(values);
  if (way === 'typed') return { model: typedModel(values) };
  if (way === 'config') return { model: { name: values['m.name'] ?? 'model', ...JSON.parse(await unpacked(values['m.z'] ?? '')) } };
  if (way === 'file') return { model: values['m.name'], held: [values['m.name']] };
  return { model: values.model ?? '' };
}
