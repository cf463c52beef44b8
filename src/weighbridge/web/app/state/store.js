// The state, kept in the address. A change makes a step that the browser's back button takes back; changes of one field
// that follow each other quickly are one step.
import { useEffect, useState } from 'preact/hooks';
import { decoded, encoded } from './address.js';

/** @typedef {import('./address.js').State} State */
/** @typedef {import('./address.js').Values} Values */

/** What a visitor sees first: a worked example. @type {State} */
export const FIRST = { panel: 'params', values: { model: 'llama-3.1-8b' } };

/** Milliseconds within which changes of one field are one step. */
const ONE_STEP = 1500;

/** @type {State} */
let state = decoded(location.hash, FIRST);
/** @type {Set<(state: State) => void>} */
const listeners = new Set();
let last = { keys: '', at: 0 };
/** When the state changed last, in milliseconds of the page; long ago while it never has. */
let changed = -Infinity;

/** The state now. */
export const current = () => state;

/**
 * Change values (an empty text takes one away) or the panel.
 * @param {Record<string, string | undefined>} values
 * @param {{panel?: string, step?: boolean}} how ``step``: always a step of its own
 */
export function change(values, { panel = state.panel, step = false } = {}) {
  const kept = { ...state.values, ...values };
  const next = { panel, values: /** @type {Values} */ (Object.fromEntries(Object.entries(kept).filter(([, v]) => v))) };
  const address = encoded(next);
  if (address === encoded(state)) return;
  const keys = Object.keys(values).join(' ');
  const joins = !step && keys && keys === last.keys && performance.now() - last.at < ONE_STEP;
  last = { keys, at: performance.now() };
  history[joins ? 'replaceState' : 'pushState'](null, '', address);
  become(next);
}

window.addEventListener('popstate', () => {
  last = { keys: '', at: 0 };
  become(decoded(location.hash, FIRST));
});

/** @param {State} next */
function become(next) {
  state = next;
  changed = performance.now();
  for (const listener of listeners) listener(state);
}

/** Milliseconds since the state changed. */
export const still = () => performance.now() - changed;

/** The state, for a component that follows it. @returns {State} */
export function useAddress() {
  const [now, set] = useState(state);
  useEffect(() => {
    listeners.add(set);
    set(state);
    return () => void listeners.delete(set);
  }, []);
  return now;
}
