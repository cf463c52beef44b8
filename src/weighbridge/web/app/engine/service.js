// The engine of a machine that runs `weighbridge serve`: the same function behind HTTP.
import { heard } from './json.js';

/** @typedef {import('./queue.js').Answer} Answer */

export class ServiceEngine {
  kind = 'service';
  ready = Promise.resolve({ pyodide: 0, all: 0 });

  /** Files to send along, by name. @type {Map<string, {base64: string, size: number}>} */
  held = new Map();

  /** Keep a file for questions that name it. @param {{name: string, bytes: Uint8Array<ArrayBuffer>, size: number}} file */
  async hold({ name, bytes, size }) {
    let letters = '';
    for (let at = 0; at < bytes.length; at += 0x8000) letters += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
    this.held.set(name, { base64: btoa(letters), size });
  }

  /** @param {{held?: string[]}} asked @returns {Promise<Answer>} */
  async ask({ held, ...question }) {
    const files = held && Object.fromEntries(held.map((name) => [name, this.held.get(name)]));
    const begun = performance.now();
    const response = await fetch('api/v1/answer', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...question, ...(files && { files }) }),
    });
    return heard(response.status, await response.text(), performance.now() - begun);
  }
}
