// Where things are.
import { readdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of the page. */
export const web = resolve(dirname(fileURLToPath(import.meta.url)), '..');
/** The root of the repository. */
export const repository = resolve(web, '../../..');
/** What is written before bundling: data that Python says. */
export const generated = join(web, 'app/generated');
/** The finished site. */
export const site = join(web, 'site');
/** Wheels that pip has fetched. */
const wheels = join(repository, 'build/wheels');
/** Packages of npm. */
export const modules = join(web, 'node_modules');

/** The wheel of a package. */
export function wheel(name) {
  const found = readdirSync(wheels).filter((file) => file.startsWith(`${name}-`) && file.endsWith('.whl'));
  if (found.length !== 1) throw new Error(`${wheels}: ${found.length} wheels of ${name}; make site fetches one`);
  return join(wheels, found[0]);
}
