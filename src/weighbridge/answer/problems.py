"""What is wrong with a question: every field that is, at once."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import click

from weighbridge.answer.asks import in_fields, long_of, parameters_of
from weighbridge.errors import InputError, WeighbridgeError, printable
from weighbridge.formats import door

LONGEST_LINE = 1200
"""Characters of a problem's line."""

METAVARS = {"MODEL": "model", "ARGS": "words", "WORDS": "words", "MODEL...": "models"}
"""What lines of the command line call arguments, and the fields of a question."""


@dataclass(frozen=True)
class Problem:
    """One field that is wrong.

    Attributes:
        field: its place: ``ask``, ``model``, ``model.hidden_size``, ``options.tp`` ...; empty for the whole question.
        message: one line: what was given, what is allowed, the nearest.
    """

    field: str
    message: str


class QuestionError(InputError):
    """A question that cannot be answered.

    Attributes:
        problems: every field that is wrong, as far as it can be told.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        named = ((one.field, one.message) for one in self.problems)
        super().__init__("; ".join(f"{field}: {said}" if field else said for field, said in named))


def one_line(text: str) -> str:
    """A message on one line, without control characters."""
    return printable(" ".join(text.split()), LONGEST_LINE)


def of_error(error: WeighbridgeError | click.ClickException, ask: str, described: bool) -> QuestionError:
    """The error of an estimate, by the fields of the question.

    Args:
        error: what the command raised.
        ask: what was asked.
        described: the model's fields came with the question.
    """
    if isinstance(error, click.ClickException):
        line = error.format_message()
        parameter = getattr(error, "param", None)
        parts = (
            [("", line)]
            if parameter is None
            else [(long_of(parameter) or str(parameter.name).upper(), getattr(error, "message", line))]
        )
    elif isinstance(error, InputError) and error.parts:
        parts = list(error.parts)
    else:
        field, colon, rest = str(error).partition(": ")
        parts = [(field, rest)] if colon and _place(field, ask, described) else [("", str(error))]
    return QuestionError(_problem(field, line, ask, described) for field, line in parts)


def _problem(field: str, line: str, ask: str, described: bool) -> Problem:
    place = _place(field, ask, described)
    said = line if place or not field else f"{field}: {line}"
    return Problem(place, one_line(in_fields(said, ask)))


FIELD = re.compile(r"--([a-z][a-z0-9-]*)(?:[ ,].*)?")
SET = re.compile(r"--set ([\w.]{1,200})")
PART = re.compile(r"[A-Za-z_][\w.\[\]-]{0,200}")


def _place(field: str, ask: str, described: bool) -> str:
    """The place in a question that a line's beginning names; empty for none."""
    known = parameters_of(ask)
    if field in door.now().handed:
        return f"files.{field}"
    if field in METAVARS:
        return METAVARS[field] if METAVARS[field] in known else ""
    if SET.fullmatch(field):
        return "options.set"
    if option := FIELD.fullmatch(field):
        name = option[1].removeprefix("no-").replace("-", "_")
        return f"options.{name}" if name in known else "words" if ask == "megatron" else ""
    if field in known and field not in ("model", "models", "words", "file"):
        return f"options.{field}"
    return f"model.{field}" if described and PART.fullmatch(field) else ""
