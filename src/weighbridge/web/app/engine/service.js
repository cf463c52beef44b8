// The engine of a machine that runs `weighbridge serve`: the same function behind HTTP. Headers of weights that are too large to
// send are weighed here instead, by the engine in the browser.
import { BrowserEngine } from './browser.js';
import { heard } from './json.js';

/** @typedef {import('./queue.js').Answer} Answer */
/** @typedef {import('./python_worker.js').HeldFile} HeldFile */

/** Bytes of files that are sent with a question; as base64 they stay below the 8 MiB that a service takes by default. */
const SENT = 4 * 2 ** 20;

export class ServiceEngine {
  kind = 'service';
  ready = Promise.resolve({ pyodide: 0, all: 0 });

  /** Files by name, each with what is sent of it. @type {Map<string, HeldFile & {base64: string}>} */
  held = new Map();

  /** @type {BrowserEngine | null} */
  here = null;

  /** Keep a file for questions that name it. @param {HeldFile} file */
  async hold(file) {
    this.held.set(file.name, { ...file, base64: '' });
  }

  /** @param {{held?: string[]}} asked @returns {Promise<Answer>} */
  async ask({ held = [], ...question }) {
    const files = held.map((name) => /** @type {HeldFile & {base64: string}} */ (this.held.get(name)));
    if (files.reduce((sum, { bytes }) => sum + bytes.length, 0) > SENT) return this.askHere(files, { ...question, held });
    for (const file of files) file.base64 ||= base64(file.bytes);
    const sent = Object.fromEntries(files.map(({ name, base64: text, size }) => [name, { base64: text, size }]));
    const begun = performance.now();
    const response = await fetch('api/v1/answer', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...question, ...(held.length && { files: sent }) }),
    });
    return heard(response.status, await response.text(), performance.now() - begun);
  }

  /** The same: a service answers several at once. @param {{held?: string[]}} asked @returns {Promise<Answer>} */
  askBeside(asked) {
    return this.ask(asked);
  }

  /** @param {HeldFile[]} files @param {object} question */
  async askHere(files, question) {
    this.here ??= new BrowserEngine();
    for (const { name, bytes, size } of files) if (this.here.held.get(name)?.bytes !== bytes) await this.here.hold({ name, size, bytes });
    return this.here.ask(question);
  }
}

/** @param {Uint8Array} bytes */
function base64(bytes) {
  let letters = '';
  for (let at = 0; at < bytes.length; at += 0x8000) letters += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return btoa(letters);
}
