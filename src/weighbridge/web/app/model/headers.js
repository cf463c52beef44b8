// The beginning of a file that holds all that is needed of it: a slice, so that weights of many gigabytes are not read.
import { endOfGguf } from './gguf.js';

/** Bytes of a GGUF file that are read at first; its header says no length, and long vocabularies need more. */
const FIRST = 2 ** 20;

/** Bytes that no header has. */
const MOST = 2 ** 28;

/** @param {File} file @returns {Promise<Uint8Array<ArrayBuffer>>} */
export async function headerOf(file) {
  const bytes = async (/** @type {number} */ end) => new Uint8Array(await file.slice(0, Math.min(end, file.size)).arrayBuffer());
  if (file.name.endsWith('.gguf')) return ggufHeader(bytes, file.size);
  if (!file.name.endsWith('.safetensors')) return bytes(file.size);
  const head = await bytes(8);
  if (head.length < 8) return head;
  const length = new DataView(head.buffer).getBigUint64(0, true);
  return bytes(8 + Number(length > MOST ? 0n : length));
}

/** Twice as much as before until the header is whole. @param {(end: number) => Promise<Uint8Array<ArrayBuffer>>} bytes @param {number} size */
async function ggufHeader(bytes, size) {
  for (let most = FIRST; ; most *= 2) {
    const head = await bytes(most);
    const end = endOfGguf(head);
    if (end !== null) return head.slice(0, end);
    if (most >= size || most >= MOST) return head.slice(0, FIRST); // none: Python says what is wrong with it
  }
}
