// make site: the static folder of the page.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { bundle } from './bundle.mjs';
import { writeData } from './data.mjs';
import { placed, placedAll, written } from './files.mjs';
import { index, manifest, serviceWorker } from './shell.mjs';
import { packed } from './packs.mjs';
import { generated, modules, site, web } from './places.mjs';
import { python } from './python.mjs';
import { report } from './report.mjs';

const DATA = process.argv.includes('--data');

const { pyodide, packs } = await python();
writeData(pyodide);
if (DATA) process.exit(0);

rmSync(site, { recursive: true, force: true });
const core = placed('python/core.pack', packed(packs.core));
const checks = placed('python/checks.pack', packed(packs.checks));
const base = placedAll('python', ['pyodide.asm.mjs', 'pyodide.asm.wasm', 'python_stdlib.zip'], join(modules, 'pyodide'));
written(generated, 'parts.js', parts({ core, checks, pyodide: base, stdlib: 'python_stdlib.zip' }, ''));
const worker = await bundle('worker', join(web, 'app/worker/worker.js'));
written(generated, 'parts.js', parts({ core, checks, pyodide: base, stdlib: 'python_stdlib.zip' }, worker.script));
const page = await bundle('page', join(web, 'app/main.js'));
manifest();
index(page);
serviceWorker();
report();

/** The module that says where things are, relative to the page; the worker's own, relative to the worker. */
function parts(found, script) {
  const relative = Object.fromEntries(Object.entries(found).map(([k, v]) => [k, k === 'stdlib' ? v : `../${v}`]));
  return `export const parts = ${JSON.stringify(relative)};\nexport const worker = ${JSON.stringify(script)};\n`;
}
