// Our modules and npm's in as few files as they are needed in, by esbuild; panels and charts load when they are wanted.
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { build } from 'esbuild';
import { site } from './places.mjs';

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

/** Bundle an entry; the paths of its script and its style sheet within the site. */
export async function bundle(name, entry) {
  const result = await build({
    entryPoints: { [name]: entry },
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
  const outputs = Object.entries(result.metafile.outputs);
  const [script, made] = outputs.find(([, output]) => output.entryPoint);
  const place = (path) => path && relative(site, path);
  return { script: place(script), style: place(made.cssBundle), imports: made.imports.filter((i) => i.kind === 'import-statement').map((i) => place(i.path)) };
}
