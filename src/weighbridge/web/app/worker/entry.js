// The one function of Python that the worker calls: a question as JSON in; the status and the bytes out that the HTTP service
// would answer, or 0 where a package is needed that has not been loaded. Files that the reader dropped stay here; questions name them.
export const ENTRY = `
from importlib import import_module
from weighbridge.answer import garbage
from weighbridge.answer.exchange import encoded, exchange
from weighbridge.errors import printable

MISSING = 0
held = {}

def hold(name, data, size):
    held[name] = {"base64": data.to_bytes(), "size": size}

def asked(text, names):
    try:
        found = exchange(text, files={name: held[name] for name in names}, without=("fit",))
        return found.status, found.body
    except ModuleNotFoundError:
        return MISSING, ""
    except Exception as error:
        said = printable(f"internal error, please report it ({type(error).__name__}: {error})", 400)
        return 500, encoded({"status": 500, "detail": said})

(asked, hold, garbage.collect, garbage.collect_later, import_module)
`;
