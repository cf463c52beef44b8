// Python in a worker of its own: it loads Pyodide and our package, and answers questions one after another.
import { loadPyodide } from 'pyodide';
import IMPORTS from '../generated/imports.json';
import { parts } from '../generated/parts.js';
import { ENTRY } from './entry.js';
import { place } from './packs.js';
import { WARM } from './warm.js';

/** @typedef {{id: number, question?: any, file?: {name: string, bytes: Uint8Array, size: number}}} Message */

const started = performance.now();
/** The status where a package has not been loaded. */
const MISSING = 0;

/** @type {Promise<void> | null} */
let checks = null;

const core = start();
core.catch((error) => self.postMessage({ failed: String(error) }));

/** Pyodide with our package in it, and the function that answers. */
async function start() {
  const pack = fetch(new URL(parts.core, self.location.href));
  const base = new URL(parts.pyodide, self.location.href).href;
  const pyodide = await loadPyodide({ indexURL: base, lockFileContents: parts.lock, packageBaseUrl: base });
  const loaded = performance.now();
  await place(pyodide, await pack, '/core');
  pyodide.runPython('import sys; sys.path.append("/core"); sys.path.append("/checks")');
  const [answer, hold, collect, collectLater, load] = pyodide.runPython(ENTRY);
  self.postMessage({ ready: { pyodide: loaded - started, all: performance.now() - started } });
  return { pyodide, answer, hold, collect, collectLater, load };
}

/** What checks a configuration that is not the catalogue's: large, and rarely the first thing needed. */
function withChecks() {
  checks ??= (async () => {
    const { pyodide } = await core;
    await place(pyodide, await fetch(new URL(parts.checks, self.location.href)), '/checks');
    pyodide.runPython('import importlib; importlib.invalidate_caches()');
  })();
  return checks;
}

/** @param {Message} message */
async function handle({ id, question, file }) {
  const { answer, hold, collect } = await core;
  if (file) {
    hold(file.name, file.bytes, file.size);
    self.postMessage({ id, text: 'null', ms: 0 });
    return;
  }
  const begun = performance.now();
  if (needsChecks(question)) await withChecks();
  const { held = [], ...asked } = question ?? {};
  const once = () => {
    const found = answer(JSON.stringify(asked), held);
    const [status, text] = found.toJs();
    found.destroy();
    return { status, text };
  };
  let { status, text } = once();
  if (status === MISSING) {
    await withChecks();
    ({ status, text } = once());
    if (status === MISSING) throw new Error('a package is missing');
  }
  self.postMessage({ id, status, text, ms: performance.now() - begun });
  collect(); // what the answer left, while nobody waits
}

/** Whether a question brings fields of its own, which pydantic checks. @param {any} question */
function needsChecks(question) {
  const { ask, model, models, files, held, options } = question;
  const described = [model, ...(models ?? [])].some((one) => one && typeof one !== 'string');
  return described || ask === 'megatron' || Boolean(files) || Boolean(held) || Boolean(options?.set);
}

/** @type {Promise<void>} */
let queue = Promise.resolve();
self.onmessage = ({ data }) => {
  queue = queue.then(() => handle(data)).catch((error) => self.postMessage({ id: data.id, failed: String(error) }));
};

/** Milliseconds between what is done while nobody asks, and of importing at a time: whoever asks comes in between. */
const REST = 10;
const SLICE = 10;

/** What is done while nobody asks, piece by piece. */
function* pieces() {
  if (self.name === 'first') {
    const names = [...IMPORTS];
    while (names.length) yield () => importing(names);
    for (const question of WARM) yield () => ask(question);
  }
  yield async () => (await core).collectLater();
}

/** Import some of the modules, and take them off the list. @param {string[]} names */
async function importing(names) {
  const { load } = await core;
  for (const begun = performance.now(); names.length && performance.now() - begun < SLICE; ) load(names.shift()).destroy();
}

/** @param {any} question */
const ask = async (question) => (await core).answer(JSON.stringify(question), []).destroy();

/** @param {Iterator<() => Promise<void>>} left */
function warm(left) {
  const { done, value: piece } = left.next();
  if (done) return;
  setTimeout(() => {
    queue = queue.then(piece).catch((error) => console.error(error));
    void queue.then(() => warm(left));
  }, REST);
}

core.then(() => setTimeout(() => void withChecks().then(() => warm(pieces())), 500));
