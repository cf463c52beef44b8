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

/** A further one. @param {string} [name] */
export const another = (name = 'first') => new Worker(new URL(address, document.baseURI), { type: 'module', name });
