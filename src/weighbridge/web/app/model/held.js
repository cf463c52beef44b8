// Files too large for an address (headers of weights): kept in this browser, under the hash of what is in them, so that
// going back and loading the page again find them. A link to them works on this machine only, and says so elsewhere.
import { engine } from '../engine/engine.js';

/** @typedef {{name: string, bytes: Uint8Array<ArrayBuffer>, size: number}} HeldFile */

const STORE = 'weighbridge-held';

/** Files that the engine has, by key. @type {Map<string, string[]>} */
const there = new Map();

/** Keep files; their key. @param {HeldFile[]} files */
export async function keep(files) {
  const parts = await Promise.all(files.map(({ bytes }) => crypto.subtle.digest('SHA-256', bytes)));
  const sum = await crypto.subtle.digest('SHA-256', await new Blob(parts).arrayBuffer());
  const key = Array.from(new Uint8Array(sum).slice(0, 8), (byte) => byte.toString(16).padStart(2, '0')).join('');
  const store = await caches.open(STORE);
  const names = files.map(({ name, size }) => ({ name, size }));
  await store.put(`held/${key}`, new Response(JSON.stringify(names)));
  await Promise.all(files.map(({ bytes }, place) => store.put(`held/${key}/${place}`, new Response(bytes))));
  return key;
}

/** Give the engine the files of a key; their names. @param {string} key @param {string} gone what to say where they are not here */
export async function ready(key, gone) {
  const known = there.get(key);
  if (known) return known;
  const store = await caches.open(STORE);
  const found = await store.match(`held/${key}`);
  if (!found) throw new Error(gone);
  /** @type {{name: string, size: number}[]} */
  const names = await found.json();
  for (const [place, { name, size }] of names.entries()) {
    const bytes = await (await store.match(`held/${key}/${place}`))?.arrayBuffer();
    if (!bytes) throw new Error(gone);
    await engine.hold({ name, size, bytes: new Uint8Array(bytes) });
  }
  const held = names.map(({ name }) => name);
  there.set(key, held);
  return held;
}
