// The one function of Python that the worker calls: a question as JSON in, an answer or what is wrong as JSON out. Files
// that the reader dropped stay here; questions name them.
export const ENTRY = `
import json
from weighbridge.answer import QuestionError, answer
from weighbridge.errors import printable

held = {}

def hold(name, data, size):
    held[name] = {"base64": data.to_bytes(), "size": size}

def asked(text):
    question = json.loads(text)
    names = question.pop("held", None)
    try:
        if names:
            question["files"] = {name: held[name] for name in names}
        return json.dumps(answer(question), ensure_ascii=False)
    except QuestionError as error:
        return json.dumps({"errors": [{"field": one.field, "message": one.message} for one in error.problems]})
    except ModuleNotFoundError:
        raise
    except Exception as error:
        said = printable(f"internal error, please report it ({type(error).__name__}: {error})", 400)
        return json.dumps({"errors": [{"field": "", "message": said}]})

(asked, hold)
`;
