// Python in Node, the very Pyodide that the page carries: it compiles the packages for its own version of Python, and
// answers the questions whose answers the page shows before Python has loaded.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadPyodide } from 'pyodide';
import { repository, wheel } from './places.mjs';

/** Compile every module of a folder, throw the sources away, and list what is left. */
const COMPILE = `
import compileall, json, os, py_compile, shutil

def compiled(folder):
    compileall.compile_dir(folder, quiet=1, legacy=True, optimize=0, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    kept = []
    for at, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(at, name)
            if name.endswith('.py') and os.path.exists(path + 'c'):
                os.remove(path)
            elif '__pycache__' not in path and not name.endswith(('.py', '.pyi', '.typed')):
                kept.append(os.path.relpath(path, folder))
    return json.dumps(sorted(kept))

compiled
`;

/** What of our package the browser never runs. */
const LEFT_OUT = ['weighbridge/web', 'weighbridge/server', 'weighbridge/pytorch'];

/** Pyodide with our package and what it needs, as the page has it. */
export async function python() {
  const pyodide = await loadPyodide({ stdout: () => {} });
  const packs = {
    core: pack(pyodide, '/core', ['annotated_types', 'click', 'typing_extensions'], true),
    checks: pack(pyodide, '/checks', ['pydantic', 'pydantic_core', 'typing_inspection'], false),
  };
  pyodide.runPython(`import sys; sys.path[:0] = ['/core', '/checks']`);
  return { pyodide, packs };
}

/** Files of some wheels, compiled: ``{path: bytes}``; ``own``: and our package's. */
function pack(pyodide, folder, names, own) {
  pyodide.FS.mkdirTree(folder);
  for (const name of names) pyodide.unpackArchive(new Uint8Array(readFileSync(wheel(name))), 'zip', { extractDir: folder });
  if (own) copySource(pyodide, folder);
  const list = JSON.parse(pyodide.runPython(COMPILE)(folder));
  const wanted = list.filter((path) => !path.includes('.dist-info/') && !path.startsWith('pydantic/v1/'));
  return Object.fromEntries(wanted.map((path) => [path, pyodide.FS.readFile(join(folder, path))]));
}

/** Our package, as it stands in the repository. */
function copySource(pyodide, folder) {
  pyodide.FS.mkdirTree('/source');
  pyodide.FS.mount(pyodide.FS.filesystems.NODEFS, { root: join(repository, 'src') }, '/source');
  pyodide.runPython(`
import shutil
left_out = ${JSON.stringify(LEFT_OUT.map((path) => `/source/${path}`))}
shutil.copytree('/source/weighbridge', '${folder}/weighbridge', ignore=lambda at, names: [
    name for name in names if name == '__pycache__' or f'{at}/{name}' in left_out])
`);
  pyodide.FS.unmount('/source');
}
