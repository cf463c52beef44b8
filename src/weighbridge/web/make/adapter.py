"""Stands in for weighbridge.answer until that is there: runs the command with --json."""

from __future__ import annotations

import contextlib
import io
import json
import pathlib
from typing import Any

import click

from weighbridge.cli.program import program
from weighbridge.errors import WeighbridgeError


def answer(question: dict[str, Any]) -> dict[str, Any]:
    arguments = [question["ask"]]
    model = question.get("model")
    if isinstance(model, dict):
        path = pathlib.Path("/tmp/model.json")
        path.write_text(json.dumps(model["config"] if "config" in model else model))
        model = str(path)
    for name, value in question.get("options", {}).items():
        option = "--" + name.replace("_", "-")
        for one in value if isinstance(value, list) else [value]:
            arguments += [option] if one is True else [] if one is None else ["--no" + option[1:]] if one is False else [option, str(one)]
    if "explain" in question.get("with", []):
        arguments.append("--explain")
    out = io.StringIO()
    try:
        with contextlib.redirect_stdout(out):
            program.main([*arguments, "--json", *([model] if model else [])], standalone_mode=False)
    except click.ClickException as error:
        return {"errors": [{"field": "", "message": error.format_message()}]}
    except WeighbridgeError as error:
        return {"errors": [{"field": "", "message": str(error)}]}
    return json.loads(out.getvalue())


def fields(ask: str) -> list[dict[str, Any]]:
    command = program.get_command(click.Context(program), ask)
    found = []
    for param in command.params:
        if not isinstance(param, click.Option) or param.name in ("as_json", "form", "explain"):
            continue
        kind = param.type
        found.append(
            {
                "name": max(param.opts, key=len).lstrip("-").replace("-", "_"),
                "help": param.help,
                "type": "boolean" if param.is_flag else {"integer range": "integer", "integer": "integer", "float range": "number", "float": "number"}.get(kind.name, "string"),
                "minimum": getattr(kind, "min", None),
                "maximum": getattr(kind, "max", None),
                "choices": list(getattr(kind, "choices", []) or []),
                "multiple": param.multiple,
                "required": param.required,
                "default": param.default if isinstance(param.default, (int, str, float, bool)) else None,
            }
        )
    return found
