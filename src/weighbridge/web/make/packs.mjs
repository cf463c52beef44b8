// Packs: many files in one, compressed (worker/packs.js unpacks them).
import { gzipSync } from 'node:zlib';

/** A pack of ``{path: bytes}``. */
export function packed(files) {
  const index = {};
  let offset = 0;
  for (const [path, bytes] of Object.entries(files)) {
    index[path] = [offset, bytes.length];
    offset += bytes.length;
  }
  const head = Buffer.from(JSON.stringify(index));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(head.length);
  return gzipSync(Buffer.concat([length, head, ...Object.values(files)]), { level: 9 });
}
