// What stands around the bundle: the page itself, its manifest, its icon, and the service worker.
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { hash, placed, written } from './files.mjs';
import { site, web } from './places.mjs';

const template = (name) => readFileSync(join(web, 'app/shell', name), 'utf8');
const fill = (text, values) => text.replace(/\{\{(\w+)\}\}/g, (_, name) => values[name]);

/** Where the icons went. */
const icons = {};

/** The icons and the manifest that make the page installable. */
export function manifest() {
  icons.icon = placed('assets/icon.svg', template('icon.svg'));
  icons.maskable = placed('assets/icon-maskable.svg', template('icon-maskable.svg'));
  written(site, 'manifest.webmanifest', fill(template('manifest.webmanifest'), icons));
}

/** The page. */
export function index({ main, boot, style, preload }) {
  const links = [...preload].map((path) => `<link rel="modulepreload" href="${path}">`).join('\n    ');
  written(site, 'index.html', fill(template('index.html'), { ...icons, main, boot, style, preload: links }));
}

/** The service worker, which keeps every file of the site, so that it works without a network. */
export function serviceWorker() {
  const files = listed(site).filter((path) => path !== 'sw.js');
  const version = hash(...files.map((path) => readFileSync(join(site, path))));
  const text = fill(template('sw.js'), { version, files: JSON.stringify(['./', ...files.filter((f) => f !== 'index.html')]) });
  written(site, 'sw.js', text);
}

/** Every file below a folder. */
export function listed(folder) {
  return readdirSync(folder, { recursive: true })
    .filter((path) => statSync(join(folder, path)).isFile())
    .map((path) => relative(folder, join(folder, path)))
    .sort();
}
