// A pack: many files in one, compressed. Its first four bytes say how long the index is that follows (JSON: path to
// offset and length); then come the files.

/**
 * Unpack a fetched pack into Pyodide's file system.
 * @param {any} pyodide
 * @param {Response} response
 * @param {string} folder
 */
export async function place(pyodide, response, folder) {
  if (!response.ok || !response.body) throw new Error(`${response.url}: ${response.status}`);
  const stream = response.body.pipeThrough(new DecompressionStream('gzip'));
  const data = new Uint8Array(await new Response(stream).arrayBuffer());
  const length = new DataView(data.buffer).getUint32(0);
  /** @type {Record<string, [number, number]>} */
  const index = JSON.parse(new TextDecoder().decode(data.subarray(4, 4 + length)));
  const { FS } = pyodide;
  const made = new Set();
  for (const [path, [offset, size]] of Object.entries(index)) {
    const at = `${folder}/${path}`;
    const above = at.slice(0, at.lastIndexOf('/'));
    if (!made.has(above)) {
      FS.mkdirTree(above);
      made.add(above);
    }
    const begin = 4 + length + offset;
    FS.writeFile(at, data.subarray(begin, begin + size), { canOwn: true });
  }
}
