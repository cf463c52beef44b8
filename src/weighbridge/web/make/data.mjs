// What the page shows before Python has loaded, said by the same Python: the catalogues, the fields of every question,
// colours, and the worked example.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generated } from './places.mjs';

const ASKS = ['params', 'train', 'megatron', 'infer', 'local', 'scaling', 'compare'];

const SAY = `
import json
import weighbridge
from weighbridge.answer import answer, fields
from weighbridge.report.chart import LOOKS
from weighbridge.report.text import COLOURS
from weighbridge.units import DATA_TYPES

def say(text):
    what, given = json.loads(text)
    found = {
        "answer": lambda: answer(given),
        "fields": lambda: {ask: fields(ask)["options"] for ask in given},
        "looks": lambda: {
            "memory": [{"key": str(getattr(key, "value", key)), "name": look.name, "colour": look.colour} for key, look in LOOKS.items()],
            "kinds": [{"key": key, "colour": colour} for key, colour in COLOURS.items()],
        },
        "dtypes": lambda: list(DATA_TYPES),
        "version": lambda: weighbridge.__version__,
    }
    return json.dumps(found[what](), ensure_ascii=False)

say
`;

/** The question that the page opens with. */
export const EXAMPLE = { ask: 'params', model: 'llama-3.1-8b', options: {}, with: [] };

/** Write all of it into ``app/generated``. */
export function writeData(pyodide) {
  const say = pyodide.runPython(SAY);
  const said = (what, given = null) => JSON.parse(say(JSON.stringify([what, given])));
  const write = (name, data) => writeFileSync(join(generated, name), JSON.stringify(data));
  write('fields.json', said('fields', ASKS));
  write('models.json', said('answer', { ask: 'models', options: {} }).models.map(slim));
  write('clusters.json', said('answer', { ask: 'clusters', options: {} }));
  write('laws.json', said('answer', { ask: 'laws', options: {} }).laws);
  write('version.json', said('version'));
  write('looks.json', said('looks'));
  write('dtypes.json', said('dtypes'));
  write('example.json', { question: EXAMPLE, answer: said('answer', EXAMPLE) });
}

/** What of a catalogue's entry the picker shows. */
function slim({ name, title, aliases, hugging_face, parameters }) {
  return { name, title, aliases, hugging_face, parameters };
}
