// What the worker imports while nobody asks: what its warm questions need, each module after those that it needs itself, so that
// no import takes long.
import { join } from 'node:path';
import { writeFileSync } from 'node:fs';
import { ENTRY } from '../app/worker/entry.js';
import { WARM } from '../app/worker/warm.js';
import { generated } from './places.mjs';

const NEEDED = `
import json, sys

def needed(question):
    before = set(sys.modules)
    status, said = asked(question, [])
    if status != 200:
        raise RuntimeError(said)
    return json.dumps([name for name in reversed(sys.modules) if name not in before])

needed
`;

/** Write the names into ``app/generated``; nothing else may have been imported before. */
export function writeImports(pyodide) {
  pyodide.runPython(ENTRY);
  const needed = pyodide.runPython(NEEDED);
  const names = WARM.flatMap((question) => JSON.parse(needed(JSON.stringify(question))));
  writeFileSync(join(generated, 'imports.json'), JSON.stringify(names));
}
