// What the site weighs, by part.
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { written } from './files.mjs';
import { site } from './places.mjs';
import { listed } from './shell.mjs';

/** Bytes that the whole site may have. */
export const MOST = 25_000_000;

const PARTS = [
  ['Pyodide: interpreter', /pyodide\.asm\.wasm$/],
  ['Pyodide: loader', /pyodide\.asm\.mjs$/],
  ['Pyodide: standard library', /python_stdlib\.zip$/],
  ['Weighbridge and click, compiled', /python\/core-/],
  ['pydantic, compiled', /python\/checks-/],
  ['page: scripts', /assets\/.*\.js$/],
  ['page: styles', /\.css$/],
  ['page: fonts of formulas', /\.woff2$/],
  ['page: everything else', /./],
];

/** Print the table, write it as JSON, and refuse a site that is too large. */
export function report() {
  const sizes = Object.fromEntries(PARTS.map(([name]) => [name, 0]));
  for (const path of listed(site)) {
    const [name] = PARTS.find(([, pattern]) => pattern.test(path));
    sizes[name] += statSync(join(site, path)).size;
  }
  const total = Object.values(sizes).reduce((a, b) => a + b, 0);
  const figure = (bytes) => bytes.toLocaleString('en').padStart(12);
  for (const [name, size] of Object.entries(sizes)) console.log(`${name.padEnd(34)}${figure(size)} bytes`);
  console.log(`${'total'.padEnd(34)}${figure(total)} bytes, of at most ${MOST.toLocaleString('en')}`);
  written(join(site, '..'), 'app/generated/sizes.json', JSON.stringify({ parts: sizes, total, most: MOST }));
  if (total > MOST) throw new Error('the site is larger than it may be');
}
