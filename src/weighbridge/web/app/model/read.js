// Dropped files as values of the address. Configurations stand there whole, compressed; of weights only the headers are
// read, and kept in this browser.
import { LONGEST } from '../state/address.js';
import { packed } from '../state/packing.js';
import { t } from '../i18n/language.js';
import { headerOf } from './headers.js';
import { keep } from './held.js';

/** Bytes that a configuration may have, as in Python. */
const LARGEST = 8 * 2 ** 20;

const WEIGHTS = /\.(gguf|safetensors)$/;

/** @param {File[]} files @returns {Promise<Record<string, string>>} */
export async function readModel(files) {
  if (!files.length) throw new Error(t('model.read.none'));
  for (const { name, size } of files) if (!WEIGHTS.test(name) && size > LARGEST) throw new Error(t('model.read.large', { name }));
  if (files.length === 1 && /\.(sh|txt|args)$/.test(files[0].name)) return { model: '~megatron', 'm.args': await files[0].text() };
  const named = files.map((file) => ({ file, name: nameOf(file, files.length) }));
  const chosen = modelAmong(named.map(({ name }) => name));
  const shown = shownName(chosen, files[0].name);
  if (named.some(({ name }) => WEIGHTS.test(name))) return held(named, chosen, shown);
  const texts = await Promise.all(named.map(async ({ file, name }) => [name, await file.text()]));
  const z = await packed(JSON.stringify(Object.fromEntries(texts)));
  if (z.length > LONGEST) return held(named, chosen, shown); // it is kept in this browser
  return { model: '~files', 'm.name': shown, 'm.file': chosen, 'm.z': z };
}

/** What Python is told that a file is called: files of one model stand in one folder. @param {File} file @param {number} count */
function nameOf({ name }, count) {
  const clean = name.replace(/[^\w .()+@-]/g, '_').replace(/^\./, '_').slice(-180);
  return count > 1 || /^(config|params)\.json$/.test(clean) ? `model/${clean}` : clean;
}

/** The file or folder that is the model. @param {string[]} names */
function modelAmong(names) {
  if (names.length === 1) return names[0];
  return names.some((name) => WEIGHTS.test(name)) ? 'model' : (names.find((name) => /config\.json$/.test(name) && !/quant_config\.json$/.test(name)) ?? names[0]);
}

/** What the left column calls it. @param {string} chosen @param {string} first */
const shownName = (chosen, first) => (chosen.startsWith('model') ? first : chosen).replace(/\.(json|toml)$/, '').replace(/_config$/, '');

/** @param {{file: File, name: string}[]} named @param {string} chosen @param {string} shown */
async function held(named, chosen, shown) {
  const files = await Promise.all(named.map(async ({ file, name }) => ({ name, size: file.size, bytes: await headerOf(file) })));
  return { model: '~held', 'm.name': shown, 'm.file': chosen, 'm.key': await keep(files) };
}
