// The engine in the browser: our package on Pyodide in a worker, and in a second one for what is asked beside the answer, so that
// a timeline that takes a while does not hold up what is typed next.
import { PythonWorker } from './python_worker.js';
import { another, started } from './start.js';

/** @typedef {import('./queue.js').Answer} Answer */
/** @typedef {import('./python_worker.js').HeldFile} HeldFile */

/** GiB of memory below which one worker does everything, where the browser says how much there is. */
const FEW = 2;

export class BrowserEngine {
  kind = 'browser';

  constructor() {
    this.first = new PythonWorker(started());
    this.ready = this.first.ready;
    /** @type {PythonWorker | null} */
    this.second = null;
    /** Files that questions may name. @type {Map<string, HeldFile>} */
    this.held = new Map();
  }

  /** Keep a file for questions that name it. @param {HeldFile} file */
  async hold(file) {
    this.held.set(file.name, file);
    await Promise.all([this.first.hold(file), this.second?.hold(file)]);
  }

  /** @param {object} question @returns {Promise<Answer>} */
  ask(question) {
    return this.first.ask(question);
  }

  /** The same, without holding up what is asked first. @param {object} question @returns {Promise<Answer>} */
  async askBeside(question) {
    await this.ready;
    const { deviceMemory = 8 } = /** @type {{deviceMemory?: number}} */ (navigator);
    if (!this.second && deviceMemory > FEW) {
      this.second = new PythonWorker(another('beside'));
      for (const file of this.held.values()) this.second.hold(file).catch(() => {}); // whoever asks is told
    }
    return (this.second ?? this.first).ask(question);
  }
}
