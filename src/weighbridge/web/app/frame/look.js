// Light or dark: as the system says, or as the reader chose.
import { useEffect, useState } from 'preact/hooks';

/** @typedef {'auto' | 'light' | 'dark'} Look */

const STORED = 'weighbridge-look';
const system = matchMedia('(prefers-color-scheme: dark)');
/** @type {Set<() => void>} */
const listeners = new Set();
/** @type {Look} */
let look = /** @type {Look} */ (localStorage.getItem(STORED) ?? 'auto');

/** What is shown now. @returns {'light' | 'dark'} */
const seen = () => (look === 'auto' ? (system.matches ? 'dark' : 'light') : look);

function apply() {
  document.documentElement.dataset.look = seen();
  for (const listener of listeners) listener();
}

export const chosenLook = () => look;

/** @param {Look} next */
export function choose(next) {
  look = next;
  localStorage.setItem(STORED, next);
  apply();
}

system.addEventListener('change', apply);
apply();

/** What is shown, for a component that follows it. */
export function useLook() {
  const [now, set] = useState(seen());
  useEffect(() => {
    const follow = () => set(seen());
    listeners.add(follow);
    return () => void listeners.delete(follow);
  }, []);
  return now;
}
