// A dropped file as values of the address: a configuration stands there whole, compressed.
import { packed } from '../state/packing.js';
import { t } from '../i18n/language.js';

/** Bytes that a configuration may have, as in Python. */
const LARGEST = 8 * 2 ** 20;

/** @param {File[]} files @returns {Promise<Record<string, string>>} */
export async function readModel(files) {
  const file = files.find(({ name }) => name.endsWith('.json')) ?? files[0];
  if (!file) throw new Error(t('model.read.none'));
  if (file.size > LARGEST) throw new Error(t('model.read.large', { name: file.name }));
  return configuration(file);
}

/** @param {File} file */
async function configuration(file) {
  let data;
  try {
    data = JSON.parse(await file.text());
  } catch {
    throw new Error(t('model.read.json', { name: file.name }));
  }
  if (typeof data !== 'object' || data === null || Array.isArray(data)) throw new Error(t('model.read.json', { name: file.name }));
  const name = file.name.replace(/\.json$/, '').replace(/_config$/, '');
  return { model: '~config', 'm.name': name, 'm.z': await packed(JSON.stringify(data)) };
}
