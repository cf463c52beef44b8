// The engine of a machine that runs `weighbridge serve`: the same function behind HTTP.
import { parsed } from './json.js';

/** @typedef {import('./queue.js').Answer} Answer */

export class ServiceEngine {
  kind = 'service';
  ready = Promise.resolve({ pyodide: 0, all: 0 });

  /** @param {object} question @returns {Promise<Answer>} */
  async ask(question) {
    const begun = performance.now();
    const response = await fetch('api/v1/answer', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(question),
    });
    const value = parsed(await response.text());
    const ms = performance.now() - begun;
    if (response.ok) return { value, ms };
    if (Array.isArray(value.errors)) return { errors: value.errors, ms };
    return { errors: [{ field: '', message: value.detail ?? value.title ?? String(response.status) }], ms };
  }
}
