"""The description of the service (OpenAPI 3.1): questions by the commands' options, answers by the JSON contract."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from weighbridge import __version__
from weighbridge.answer.asks import BESIDE
from weighbridge.answer.exchange import PROBLEM
from weighbridge.answer.fields import fields
from weighbridge.answer.handed import MOST_FILES
from weighbridge.answer.values import MOST_REPEATED
from weighbridge.report import (
    inference_comparison,
    inference_schema,
    local_schema,
    scaling_schema,
    schema,
    timeline_schema,
    tree_schema,
    weights_schema,
)
from weighbridge.report import serving_curves as serving
from weighbridge.server.examples import EXAMPLES
from weighbridge.server.problems import MEDIA_TYPE, TYPES
from weighbridge.server.settings import OFFERED

ANSWERS: dict[str, tuple[Any, ...]] = {
    "params": (schema.Parameters, weights_schema.WeightsAlone),
    "flops": (schema.Flops,),
    "train": (schema.Training,),
    "megatron": (schema.Training,),
    "infer": (inference_schema.Served,),
    "local": (local_schema.LocalModel,),
    "scaling": (scaling_schema.ScalingReport,),
    "laws": (scaling_schema.ScalingLaws,),
    "compare": (schema.Compared, inference_comparison.ServedTable),
    "models": (schema.Catalogue,),
    "clusters": (schema.Clusters,),
}
"""What each ask is answered with."""

MORE: tuple[Any, ...] = (
    timeline_schema.StepTimeline,
    tree_schema.RankModule,
    tree_schema.RankGpu,
    schema.PlanEmitted,
    schema.Standing,
    serving.ServingUsers,
    serving.ServingContext,
    inference_schema.ExplainedTable,
    scaling_schema.ScalingCurves,
)
"""What may stand beside an answer."""

REF = "#/components/schemas/{model}"

ARGUMENTS: dict[str, dict[str, Any]] = {
    "model": {
        "description": "A name of the catalogue, the name of a file in files, or the fields of a configuration.",
        "type": ["string", "object", "null"],
    },
    "models": {
        "description": "Names of the catalogue or configurations.",
        "type": "array",
        "minItems": 1,
        "items": {"type": ["string", "object"]},
    },
    "words": {
        "description": "Arguments, as one text or word by word.",
        "anyOf": [{"type": ["string", "null"]}, {"type": "array", "items": {"type": ["string", "number"]}}],
    },
}

FILES: dict[str, Any] = {
    "description": "Contents of files by the names that the question calls them; of weights the headers suffice.",
    "type": ["object", "null"],
    "maxProperties": MOST_FILES,
    "additionalProperties": {
        "type": "object",
        "properties": {
            "text": {"type": "string"},
            "base64": {"type": "string", "contentEncoding": "base64"},
            "size": {"type": "integer", "minimum": 0, "description": "Of the whole file, where less is sent."},
        },
        "oneOf": [{"required": ["text"]}, {"required": ["base64"]}],
        "additionalProperties": False,
    },
}


@cache
def description() -> dict[str, Any]:
    """The whole description."""
    paths: dict[str, Any] = {f"/api/v1/{ask}": {"post": _question(ask)} for ask in OFFERED}
    paths["/api/v1/answer"] = {"post": _any_question(), "get": _cacheable()}
    paths["/api/v1/catalogue"] = {"get": _plain("The catalogues of models, families and devices.", REFS["Catalogues"])}
    paths["/api/v1/fields/{ask}"] = {"get": _fields()}
    paths["/health"] = {"get": _plain("Whether the service runs.", REFS["Health"])}
    paths["/ready"] = {"get": _plain("Whether it can answer: both lanes have a warm worker.", REFS["Health"], 503)}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Weighbridge",
            "version": __version__,
            "summary": "Weighs a transformer language model before it takes the cluster.",
            "description": "Answers are what the command line prints with --json; docs/json.md explains every key.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {"schemas": _schemas()},
    }


REFS = {name: {"$ref": REF.format(model=name)} for name in ("Catalogues", "Fields", "Health", "Problem")}


def _question(ask: str) -> dict[str, Any]:
    about = fields(ask)
    return {
        "operationId": ask,
        "summary": about["about"],
        "description": about["more"],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"$ref": REF.format(model=_name(ask))},
                    "examples": {name: {"summary": name, "value": value} for name, value in EXAMPLES[ask].items()},
                }
            },
        },
        "responses": _responses(_answer(ask), (400, 408, 413, 415, 422, 429, 500, 503)),
    }


def _any_question() -> dict[str, Any]:
    refs = [{"$ref": REF.format(model=_name(ask))} for ask in OFFERED]
    asked = [
        {"allOf": [ref], "properties": {"ask": {"const": ask}}, "required": ["ask"]}
        for ask, ref in zip(OFFERED, refs, strict=True)
    ]
    examples = {ask: {"summary": ask, "value": {"ask": ask, **next(iter(EXAMPLES[ask].values()))}} for ask in OFFERED}
    return {
        "operationId": "answer",
        "summary": "Any question, which says itself what it asks.",
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"anyOf": asked}, "examples": examples}},
        },
        "responses": _responses({"type": "object"}, (400, 408, 413, 415, 422, 429, 500, 503)),
    }


def _cacheable() -> dict[str, Any]:
    said = "The same by an address that caches can keep: the question as JSON in q. If-None-Match spares the answer."
    example = '{"ask":"params","model":"llama-3.1-8b"}'
    q = {"name": "q", "in": "query", "required": True, "schema": {"type": "string"}, "example": example}
    none = {"name": "If-None-Match", "in": "header", "schema": {"type": "string"}}
    responses = _responses({"type": "object"}, (400, 422, 429, 500, 503))
    responses["304"] = {"description": "The answer that the entity tag names still holds."}
    return {"operationId": "answer_get", "summary": said, "parameters": [q, none], "responses": responses}


def _fields() -> dict[str, Any]:
    ask = {"name": "ask", "in": "path", "required": True, "schema": {"type": "string", "enum": list(OFFERED)}}
    said = "What a question may hold: every option with type, bounds, default and help."
    responses = _responses(REFS["Fields"], (404,))
    return {"operationId": "fields", "summary": said, "parameters": [ask], "responses": responses}


def _plain(summary: str, answer: dict[str, Any], *refusals: int) -> dict[str, Any]:
    return {"summary": summary, "responses": _responses(answer, refusals)}


SAID = {
    400: "The body is no JSON.",
    404: "There is nothing there.",
    408: "The body did not come in time.",
    413: "The body is too large.",
    415: "The body is not said to be JSON.",
    422: "The question cannot be answered: every wrong field is listed.",
    429: "Too many questions are waiting; Retry-After says when there may be room.",
    500: "A defect of the service, or the process that answered was lost twice.",
    503: "No worker had time, or the service starts or ends; Retry-After says when one may.",
}


def _responses(answer: dict[str, Any], refusals: Iterable[int]) -> dict[str, Any]:
    found: dict[str, Any] = {"200": {"description": "The answer.", "content": {"application/json": {"schema": answer}}}}
    for status in refusals:
        found[str(status)] = {"description": SAID[status], "content": {MEDIA_TYPE: {"schema": REFS["Problem"]}}}
    return found


def _answer(ask: str) -> dict[str, Any]:
    refs = [{"$ref": REF.format(model=kind.__name__)} for kind in ANSWERS[ask]]
    if ask == "models":
        refs.append({"$ref": REF.format(model="Families")})
    return refs[0] if len(refs) == 1 else {"anyOf": refs}


def _name(ask: str) -> str:
    return f"Question_{ask}"


def _schemas() -> dict[str, Any]:
    """Every shape, by its name in docs/json.md."""
    kinds = dict.fromkeys([*(kind for of in ANSWERS.values() for kind in of), *MORE])
    adapters: Any = [(kind, "serialization", TypeAdapter(kind)) for kind in kinds]
    found: dict[str, Any] = TypeAdapter.json_schemas(adapters, ref_template=REF)[1]["$defs"]
    found |= {_name(ask): question_schema(ask) for ask in OFFERED}
    found |= {"Explanation": EXPLANATION, "Problem": DETAILS, "Catalogues": CATALOGUES, "Families": FAMILIES}
    found |= {"Fields": FIELDS, "Health": HEALTH}
    for name, more in BESIDE_ANSWERS.items():
        found[name]["properties"] |= more
    return found


def question_schema(ask: str) -> dict[str, Any]:
    """The shape of a question."""
    about = fields(ask)
    options = {one["name"]: _option(one) for one in about["options"]}
    needed = [one["name"] for one in about["options"] if one["required"]]
    properties: dict[str, Any] = {"ask": {"const": ask}}
    for argument in about["arguments"]:
        properties[argument["name"]] = ARGUMENTS[argument["name"]]
    table: dict[str, Any] = {"type": "object" if needed else ["object", "null"], "properties": options}
    properties["options"] = table | {"additionalProperties": False} | ({"required": needed} if needed else {})
    if BESIDE.get(ask):
        names = {"enum": list(BESIDE[ask])}
        properties["with"] = {"anyOf": [{"type": "null"}, names, {"type": "array", "items": names}]}
    properties["files"] = FILES
    required = [one["name"] for one in about["arguments"] if one["required"]] + ["options"] * bool(needed)
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _option(option: dict[str, Any]) -> dict[str, Any]:
    """The shape of an option's values."""
    kinds: dict[str, Any] = {
        "boolean": {"type": "boolean"},
        "integer": {"type": "integer", "minimum": option["min"], "maximum": option["max"]},
        "number": {"type": "number", "minimum": option["min"], "maximum": option["max"]},
        "choice": {"enum": option["choices"]},
        "file": {"type": "string"},
        "text": {"type": ["string", "number"]},
    }
    one = {key: value for key, value in kinds[option["type"]].items() if value is not None}
    forms = [one, {"type": "null"}]
    if option["multiple"]:
        forms.append({"type": "array", "items": one, "maxItems": MOST_REPEATED})
    if option["name"] == "set":
        forms.append({"type": "object", "description": "Fields and their values."})
    if option["required"]:
        forms.remove({"type": "null"})
    found: dict[str, Any] = {"anyOf": forms, "description": option["help"]}
    return found if option["default"] is None else found | {"default": option["default"]}


def _list(name: str) -> dict[str, Any]:
    return {"type": "array", "items": {"$ref": REF.format(model=name)}}


TEXT = {"type": "string"}

BESIDE_ANSWERS: dict[str, dict[str, Any]] = {
    "Parameters": {"explanation": _list("Explanation")},
    "Flops": {"explanation": _list("Explanation")},
    "Training": {
        "explanation": _list("Explanation"),
        "tensors": _list("Standing"),
        "timeline": {"$ref": REF.format(model="StepTimeline")},
        "trace": TEXT,
        "tree": {"$ref": REF.format(model="RankModule")},
        "gpu": {"$ref": REF.format(model="RankGpu")},
        "emitted": {"$ref": REF.format(model="PlanEmitted")},
    },
    "Served": {
        "explanation": _list("Explanation"),
        "tables": _list("ExplainedTable"),
        "users": _list("ServingUsers"),
        "contexts": _list("ServingContext"),
        "emitted": {"$ref": REF.format(model="PlanEmitted")},
    },
    "LocalModel": {"explained": {"type": "string"}, "explanation": _list("Explanation")},
    "ScalingReport": {
        "explanation": {"type": "object", "additionalProperties": _list("Explanation")},
        "curves": {"$ref": REF.format(model="ScalingCurves")},
    },
}
"""Keys that an answer has where they are asked for."""

EXPLANATION: dict[str, Any] = {
    "type": "object",
    "properties": {
        "path": {"type": "array", "items": TEXT},
        **dict.fromkeys(("symbol", "unit", "note", "source", "formula", "substituted"), TEXT),
        **dict.fromkeys(("latex", "latex_substituted", "expression"), TEXT),
        "symbols": {"type": "object"},
        "value": {"type": "number"},
    },
    "required": ["path", "symbol", "formula", "substituted", "latex", "value"],
}

DETAILS: dict[str, Any] = {
    "title": "Problem",
    "description": "Problem details (RFC 9457).",
    "type": "object",
    "properties": {
        "type": {"enum": [PROBLEM + kind for kind in TYPES]},
        "title": TEXT,
        "status": {"type": "integer"},
        "detail": TEXT,
        "errors": {
            "description": "Every field that is wrong, as far as they can be told at once.",
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "pointer": {"type": "string", "description": "A JSON pointer (RFC 6901) as a fragment."},
                    "field": TEXT,
                    "detail": TEXT,
                },
                "required": ["pointer", "field", "detail"],
            },
        },
    },
    "required": ["type", "title", "status", "detail", "errors"],
}

FAMILIES: dict[str, Any] = {
    "type": "object",
    "properties": {
        "families": {
            "type": "array",
            "items": {"type": "object", "properties": {"model_type": TEXT, "name": TEXT}, "required": ["model_type"]},
        }
    },
    "required": ["families"],
}

CATALOGUES: dict[str, Any] = {
    "type": "object",
    "properties": {
        "models": _list("CatalogueEntry"),
        "families": FAMILIES["properties"]["families"],
        "devices": _list("DeviceEntry"),
    },
    "required": ["models", "families", "devices"],
}

FIELDS: dict[str, Any] = {
    "type": "object",
    "properties": {
        **dict.fromkeys(("ask", "about", "more"), TEXT),
        "arguments": {"type": "array", "items": {"type": "object", "required": ["name", "required", "multiple"]}},
        "options": {"type": "array", "items": {"type": "object", "required": ["name", "type", "help"]}},
        "with": {"type": "array", "items": TEXT},
    },
    "required": ["ask", "arguments", "options", "with"],
}

HEALTH: dict[str, Any] = {
    "type": "object",
    "properties": {"status": {"enum": ["ok", "ready"]}, "version": TEXT},
    "required": ["status", "version"],
}
