// The engine in the browser: our package on Pyodide, in a worker.
import { heard } from './json.js';
import { started } from './start.js';

/** @typedef {import('./queue.js').Answer} Answer */

export class BrowserEngine {
  kind = 'browser';

  constructor() {
    this.worker = started();
    this.count = 0;
    /** @type {Map<number, {resolve: (data: any) => void, reject: (error: unknown) => void}>} */
    this.asked = new Map();
    /** @type {Promise<{pyodide: number, all: number}>} */
    this.ready = new Promise((resolve, reject) => {
      this.worker.onmessage = ({ data }) => this.receive(data, resolve, reject);
      this.worker.onerror = (event) => reject(new Error(event.message || 'the worker did not start'));
    });
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
    const id = ++this.count;
    return new Promise((resolve, reject) => {
      this.asked.set(id, { resolve, reject });
      this.worker.postMessage({ id, ...message }, transfer);
    });
  }

  /** Keep a file for questions that name it. @param {{name: string, bytes: Uint8Array, size: number}} file @returns {Promise<void>} */
  hold(file) {
    return this.send({ file }, [file.bytes.buffer]);
  }

  /** @param {object} question @returns {Promise<Answer>} */
  async ask(question) {
    const { status, text, ms } = await this.send({ question });
    return heard(status, text, ms);
  }
}
