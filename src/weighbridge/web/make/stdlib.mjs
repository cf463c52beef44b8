// Python's standard library, compiled: Pyodide carries its sources, and compiling the two hundred modules that it starts with
// takes longer than everything else together. What a page has no use for is left out.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { modules } from './places.mjs';

/** Modules that need a terminal, a network, a second process or a database, and tools for developers. */
const LEFT_OUT = [
  '_pyrepl', 'antigravity', 'bdb', 'cmd', 'code', 'colorsys', 'ctypes', 'curses', 'dbm', 'doctest', 'ensurepip', 'ftplib', 'html', 'http',
  'idlelib', 'imaplib', 'mailbox', 'mimetypes', 'modulefinder', 'multiprocessing', 'netrc', 'optparse', 'pdb', 'pickletools', 'plistlib', 'poplib',
  'profile', 'pstats', 'pyclbr', 'pydoc', 'pydoc_data', 'rlcompleter', 'sched', 'shelve', 'smtplib', 'socketserver', 'sqlite3', 'symtable', 'tabnanny',
  'test', 'this', 'timeit', 'tkinter', 'trace', 'tracemalloc', 'turtle', 'unittest', 'venv', 'wave', 'webbrowser', 'wsgiref', 'xml', 'xmlrpc', 'zipapp',
  '_pyio', '_pydatetime', '_pydecimal', 'cProfile',
];

/** Encodings that text comes in. */
const ENCODINGS = ['__init__', 'aliases', 'ascii', 'charmap', 'cp437', 'idna', 'latin_1', 'raw_unicode_escape', 'unicode_escape', 'utf_16', 'utf_16_be', 'utf_16_le', 'utf_32', 'utf_8', 'utf_8_sig'];

const COMPILE = `
import importlib.util, json, marshal, zipfile

def compiled(text):
    left_out, encodings = map(set, json.loads(text))
    with zipfile.ZipFile("/sources.zip") as old, zipfile.ZipFile("/compiled.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=9) as new:
        for name in sorted(old.namelist()):
            first, _, rest = name.partition("/")
            if name.endswith("/") or first.removesuffix(".py") in left_out:
                continue
            if first == "encodings" and rest.removesuffix(".py") not in encodings:
                continue
            data, place = old.read(name), name
            if name.endswith(".py"):
                code = compile(data, f"/lib/python314.zip/{name}", "exec", dont_inherit=True)
                flags = (1).to_bytes(4, "little")  # never checked against a source
                data, place = importlib.util.MAGIC_NUMBER + flags + importlib.util.source_hash(data) + marshal.dumps(code), f"{name}c"
            new.writestr(zipfile.ZipInfo(place), data, zipfile.ZIP_DEFLATED, 9)

compiled
`;

/** The compiled library as a zip file. */
export function standardLibrary(pyodide) {
  pyodide.FS.writeFile('/sources.zip', new Uint8Array(readFileSync(join(modules, 'pyodide/python_stdlib.zip'))));
  pyodide.runPython(COMPILE)(JSON.stringify([LEFT_OUT, ENCODINGS]));
  return pyodide.FS.readFile('/compiled.zip');
}
