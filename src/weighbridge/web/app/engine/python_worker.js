// One worker that runs Python: messages out, answers back.
import { heard } from './json.js';
import { listen } from './start.js';

/** @typedef {import('./queue.js').Answer} Answer */
/** @typedef {{name: string, bytes: Uint8Array<ArrayBuffer>, size: number}} HeldFile */

export class PythonWorker {
  /** @param {Worker} worker */
  constructor(worker) {
    this.worker = worker;
    this.count = 0;
    /** @type {Map<number, {resolve: (data: any) => void, reject: (error: unknown) => void}>} */
    this.asked = new Map();
    /** Why it answers no more. @type {Error | null} */
    this.broken = null;
    /** @type {Promise<{pyodide: number, all: number}>} */
    this.ready = new Promise((resolve, reject) => {
      listen(
        worker,
        ({ data }) => this.receive(data, resolve, reject),
        (event) => reject(this.stop(new Error(event.message || 'the worker did not start'))),
      );
    });
    this.ready.catch(() => {}); // whoever asks is told
  }

  /** Nothing is answered any more: neither what has been asked nor what will be. @param {Error} error */
  stop(error) {
    this.broken = error;
    for (const { reject } of this.asked.values()) reject(error);
    this.asked.clear();
    return error;
  }

  /** @param {any} data @param {(ready: any) => void} ready @param {(error: unknown) => void} failed */
  receive(data, ready, failed) {
    if (data.ready) return ready(data.ready);
    const asked = this.asked.get(data.id);
    if (!asked) return data.failed && failed(new Error(data.failed));
    this.asked.delete(data.id);
    if (data.failed) asked.reject(new Error(data.failed));
    else asked.resolve(data);
  }

  /** @param {object} message @param {Transferable[]} [transfer] @returns {Promise<any>} */
  send(message, transfer = []) {
    if (this.broken) return Promise.reject(this.broken);
    const id = ++this.count;
    return new Promise((resolve, reject) => {
      this.asked.set(id, { resolve, reject });
      this.worker.postMessage({ id, ...message }, transfer);
    });
  }

  /** Keep a copy of a file for questions that name it. @param {HeldFile} file @returns {Promise<void>} */
  hold({ name, bytes, size }) {
    const copy = bytes.slice();
    return this.send({ file: { name, size, bytes: copy } }, [copy.buffer]);
  }

  /** @param {object} question @returns {Promise<Answer>} */
  async ask(question) {
    const { status, text, ms } = await this.send({ question });
    return heard(status, text, ms);
  }
}
