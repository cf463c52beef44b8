// Our modules and npm's in as few files as they are needed in, by esbuild; panels and charts load when they are wanted.
import { readFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { build } from 'esbuild';
import { site, web } from './places.mjs';

/** Of KaTeX's fonts only the form that every browser reads. */
const katexFonts = {
  name: 'katex-fonts',
  setup({ onLoad }) {
    onLoad({ filter: /katex(\.min)?\.css$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8').replace(/,url\([^)]*\.(?:woff|ttf)\) format\("[^"]*"\)/g, ''),
      loader: 'css',
    }));
  },
};

/** Bundle entries that share what they import; by name the path of each script, and of ``style`` and ``preload``. */
export async function bundle(entries) {
  const result = await build({
    entryPoints: entries.map((entry) => join(web, entry)),
    bundle: true,
    format: 'esm',
    splitting: true,
    minify: true,
    metafile: true,
    target: 'es2022',
    outdir: `${site}/assets`,
    entryNames: '[name]-[hash]',
    chunkNames: '[name]-[hash]',
    assetNames: '[name]-[hash]',
    loader: { '.woff2': 'file' },
    external: ['node:*', 'ws'],
    legalComments: 'none',
    logLevel: 'warning',
    plugins: [katexFonts],
  });
  const place = (path) => relative(site, path);
  const found = { preload: new Set() };
  for (const [path, { entryPoint, cssBundle, imports }] of Object.entries(result.metafile.outputs)) {
    if (!entryPoint?.endsWith('.js') || path.endsWith('.css') || !entries.some((entry) => entryPoint.endsWith(entry))) continue;
    found[basename(entryPoint, '.js')] = place(path);
    if (cssBundle) found.style = place(cssBundle);
    for (const { kind, path: other } of imports) if (kind === 'import-statement') found.preload.add(place(other));
  }
  return found;
}
