// The worker, started once, as early as anybody asks for it.
import { worker as address } from '../generated/parts.js';

/** @type {Worker | null} */
let worker = null;

/** Whether the page came from a service that answers itself. */
export const served = () => document.querySelector('meta[name="weighbridge-service"]') !== null;

/** Start the worker, unless a service answers. */
export function start() {
  if (!served()) started();
}

/** The worker. @returns {Worker} */
export function started() {
  worker ??= another();
  return worker;
}

/** What workers said before anybody listened: they start before the page has been read. @type {WeakMap<Worker, Event[]>} */
const early = new WeakMap();

/** A further one. @param {string} [name] */
export function another(name = 'first') {
  const made = new Worker(new URL(address, document.baseURI), { type: 'module', name });
  /** @type {Event[]} */
  const said = [];
  made.onmessage = made.onerror = (/** @type {Event} */ event) => void said.push(event);
  early.set(made, said);
  return made;
}

/**
 * Listen to a worker from its start on.
 * @param {Worker} worker
 * @param {(event: MessageEvent) => void} onMessage
 * @param {(event: ErrorEvent) => void} onError
 */
export function listen(worker, onMessage, onError) {
  worker.onmessage = onMessage;
  worker.onerror = onError;
  for (const event of early.get(worker)?.splice(0) ?? []) {
    if (event instanceof MessageEvent) onMessage(event);
    else onError(/** @type {ErrorEvent} */ (event));
  }
}
