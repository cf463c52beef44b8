// make site: the static folder of the page.
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { bundle } from './bundle.mjs';
import { writeData } from './data.mjs';
import { writeImports } from './imports.mjs';
import { placed, placedAll, written } from './files.mjs';
import { index, manifest, serviceWorker } from './shell.mjs';
import { packed } from './packs.mjs';
import { generated, modules, site } from './places.mjs';
import { python } from './python.mjs';
import { standardLibrary } from './stdlib.mjs';
import { report } from './report.mjs';

const DATA = process.argv.includes('--data');

const { pyodide, packs } = await python();
mkdirSync(generated, { recursive: true });
writeImports(pyodide);
writeData(pyodide);
if (DATA) {
  written(generated, 'parts.js', parts({ core: '', checks: '', pyodide: '' }, ''));
  process.exit(0);
}

rmSync(site, { recursive: true, force: true });
const core = placed('python/core.pack', packed(packs.core));
const checks = placed('python/checks.pack', packed(packs.checks));
const base = placedAll('python', {
  'pyodide.asm.mjs': readFileSync(join(modules, 'pyodide/pyodide.asm.mjs')),
  'pyodide.asm.wasm': readFileSync(join(modules, 'pyodide/pyodide.asm.wasm')),
  'python_stdlib.zip': standardLibrary(pyodide),
});
const found = { core, checks, pyodide: base };
written(generated, 'parts.js', parts(found, ''));
const worker = await bundle(['app/worker/worker.js']);
written(generated, 'parts.js', parts(found, worker.worker));
const page = await bundle(['app/main.js', 'app/boot.js']);
manifest();
index(page);
serviceWorker();
report();

/** The module that says where things are: Python's relative to the worker, the worker relative to the page. */
function parts(places, script) {
  const relative = Object.fromEntries(Object.entries(places).map(([name, place]) => [name, `../${place}`]));
  const { info } = JSON.parse(readFileSync(join(modules, 'pyodide/pyodide-lock.json'), 'utf8'));
  const lock = { info: { version: '', ...info }, packages: {} }; // we bring our packages ourselves
  return `/** @type {{core: string, checks: string, pyodide: string, lock: any}} */\nexport const parts = ${JSON.stringify({ ...relative, lock })};\nexport const worker = ${JSON.stringify(script)};\n`;
}
