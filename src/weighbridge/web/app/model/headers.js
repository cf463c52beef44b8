// The beginning of a file that holds all that is needed of it: a slice, so that weights of many gigabytes are not read.

/** Bytes of a GGUF file that are read at first; its header says no length, and large vocabularies make it long. */
const GGUF = 24 * 2 ** 20;

/** @param {File} file @returns {Promise<Uint8Array<ArrayBuffer>>} */
export async function headerOf(file) {
  const bytes = async (/** @type {number} */ end) => new Uint8Array(await file.slice(0, Math.min(end, file.size)).arrayBuffer());
  if (file.name.endsWith('.gguf')) return bytes(GGUF);
  if (!file.name.endsWith('.safetensors')) return bytes(file.size);
  const head = await bytes(8);
  if (head.length < 8) return head;
  const length = new DataView(head.buffer).getBigUint64(0, true);
  return bytes(8 + Number(length > 2n ** 28n ? 0n : length));
}
