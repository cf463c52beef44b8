// The one function of Python that the worker calls: a question as JSON in, an answer as JSON out.
export const ENTRY = `
import json
from weighbridge.answer import answer

def asked(text):
    return json.dumps(answer(json.loads(text)), ensure_ascii=False)

asked
`;
