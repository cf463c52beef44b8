"""What a question may hold: every option of an ask with its type, bounds and help, read off the command itself."""

from __future__ import annotations

from typing import Any

import click

from weighbridge.answer.asks import ASKS, BESIDE, command_of, parameters_of
from weighbridge.cli.options import Suggesting
from weighbridge.cli.writing import OutFile
from weighbridge.errors import InputError, did_you_mean, given


def fields(ask: str) -> dict[str, Any]:
    """The fields of a question.

    Args:
        ask: what is asked.

    Returns:
        ``about`` in a sentence, ``arguments`` and ``options`` (each with name, type, choices, bounds, default, help;
        ``suggested`` where text is most often one of some names, ``parts`` where it consists of fields, ``ways`` where
        it is set with others), and ``with``: what may be asked for beside the answer.

    Raises:
        InputError: for an ask that there is not.
    """
    if ask not in ASKS:
        raise InputError(f"ask: got {given(ask)}; allowed: {', '.join(ASKS)}{did_you_mean(ask, ASKS)}")
    parameters = parameters_of(ask)
    about = (command_of(ask).help or "").partition("\n\n")
    return {
        "ask": ask,
        "about": " ".join(about[0].split()),
        "more": " ".join(about[2].split()),
        "arguments": [_argument(name, one) for name, one in parameters.items() if isinstance(one, click.Argument)],
        "options": [
            _option(name, one)
            for name, one in parameters.items()
            if isinstance(one, click.Option) and not isinstance(one.type, OutFile)
        ],
        "with": list(BESIDE.get(ask, ())),
    }


def _argument(name: str, argument: click.Argument) -> dict[str, Any]:
    return {"name": name, "required": argument.required, "multiple": argument.nargs == -1}


def _option(name: str, option: click.Option) -> dict[str, Any]:
    kind = option.type
    default = option.to_info_dict()["default"]
    return {
        "name": name,
        "type": type_of(option),
        "choices": [str(choice) for choice in kind.choices] if isinstance(kind, click.Choice) else None,
        **_suggested(option),
        "min": getattr(kind, "min", None),
        "max": getattr(kind, "max", None),
        "default": default if isinstance(default, str | int | float | bool) else None,
        "required": option.required,
        "multiple": option.multiple,
        "metavar": option.metavar,
        "help": option.help or "",
        "group": getattr(option, "group", None),
    }


def _suggested(option: click.Option) -> dict[str, Any]:
    """What a text most often is, the fields that it consists of, and what it and others most often are together."""
    if not isinstance(option, Suggesting):
        return dict.fromkeys(("suggested", "parts", "ways"))
    parts = [{"name": one.name, "suggested": list(one.suggested), "flag": one.flag} for one in option.parts]
    ways = option.ways and {name: dict(way) for name, way in option.ways.items()}
    return {"suggested": list(option.suggested), "parts": parts or None, "ways": ways}


def type_of(option: click.Option) -> str:
    """The type of an option's values: boolean, integer, number, choice, file or text."""
    kind = option.type
    if option.is_flag:
        return "boolean"
    if isinstance(kind, click.types.IntParamType):
        return "integer"
    if isinstance(kind, click.types.FloatParamType):
        return "number"
    if isinstance(kind, click.Choice):
        return "choice"
    return "file" if isinstance(kind, click.Path) else "text"
