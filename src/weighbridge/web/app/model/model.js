// The model of a state: what a question calls it, and the files that go with it. It stands in the address like everything.
import { t } from '../i18n/language.js';
import { unpacked } from '../state/packing.js';
import { ready } from './held.js';
import { typedModel } from './typed.js';

/** @typedef {import('../state/address.js').Values} Values */

/** The ways in which a model may be given. @typedef {'name' | 'typed' | 'megatron' | 'files' | 'held'} Way */
/** @typedef {{model: unknown, files?: Record<string, {text: string}>, held?: string[]}} Given */

const WAYS = new Set(['typed', 'megatron', 'files', 'held']);

/** How the model is given. @param {Values} values @returns {Way} */
export function wayOf({ model = '' }) {
  const way = model.slice(1);
  return model.startsWith('~') && WAYS.has(way) ? /** @type {Way} */ (way) : 'name';
}

/** Values that take away all that said a model. @param {Values} values @returns {Values} */
export const cleared = (values) => Object.fromEntries(Object.keys(values).filter((key) => key.startsWith('m.')).map((key) => [key, '']));

/** Values of the address that the model depends on, as one text. @param {Values} values */
export const keyOfModel = (values) =>
  JSON.stringify(Object.entries(values).filter(([key]) => key === 'model' || key.startsWith('m.')).sort());

/** What can be said at once; ``null`` where something is unpacked first. @param {Values} values @returns {Given | null} */
export function atOnce(values) {
  const way = wayOf(values);
  if (way === 'name') return { model: values.model ?? '' };
  if (way === 'typed') return { model: typedModel(values) };
  if (way === 'megatron') return { model: { name: values['m.name'] ?? 'megatron', megatron: values['m.args'] ?? '' } };
  return null;
}

/** The model as a question names it. @param {Values} values @returns {Promise<Given>} */
export async function modelOf(values) {
  const said = atOnce(values);
  if (said) return said;
  const model = values['m.file'] ?? '';
  if (wayOf(values) === 'held') return { model, held: await ready(values['m.key'] ?? '', t('model.read.gone', { name: model })) };
  const texts = Object.entries(await linked(values['m.z'] ?? ''));
  return { model, files: Object.fromEntries(texts.map(([name, text]) => [name, { text: String(text) }])) };
}

/** The files that a link holds. @param {string} letters @returns {Promise<Record<string, unknown>>} */
async function linked(letters) {
  try {
    return JSON.parse(await unpacked(letters));
  } catch {
    throw new Error(t('model.read.link')); // cut or changed on its way: what exactly does not help the reader
  }
}
