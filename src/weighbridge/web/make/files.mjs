// Files of the site, named by what is in them.
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, extname, join } from 'node:path';
import { site } from './places.mjs';

/** The first characters of a content's hash. */
export function hash(...contents) {
  const sum = createHash('sha256');
  for (const content of contents) sum.update(content);
  return sum.digest('hex').slice(0, 12);
}

/** Write a file. */
export function written(folder, name, content) {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}

/** Write a file of the site under a name that holds its hash; its path. */
export function placed(name, content) {
  const end = extname(name);
  const path = `${name.slice(0, name.length - end.length)}-${hash(content)}${end}`;
  written(site, path, content);
  return path;
}

/** Write files that find each other by name into a folder that holds their hash; its path, with a slash. */
export function placedAll(name, files) {
  const folder = `${name}/${hash(...Object.values(files))}/`;
  for (const [file, content] of Object.entries(files)) written(site, `${folder}${file}`, content);
  return folder;
}
