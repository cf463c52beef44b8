"""A question as JSON text in, its answer or what is wrong as JSON text out: the bytes that page and service show."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from weighbridge.answer import Access, answer
from weighbridge.answer.problems import Problem, QuestionError, one_line
from weighbridge.errors import given

PROBLEM = "urn:weighbridge:problem:"
"""What types of problems (RFC 9457) begin with."""

QUESTION, UNANSWERED = "question", "The question cannot be answered"
"""The kind of problem where fields of the question are wrong, and its title."""


@dataclass(frozen=True)
class Exchange:
    """What comes back.

    Attributes:
        status: as HTTP has it: 200 for an answer, 422 for a question that cannot be answered, 400 for no JSON.
        body: JSON; of an answer, what ``--json`` prints, without blanks; else problem details (RFC 9457).
    """

    status: int
    body: str


def exchange(
    text: str | bytes,
    access: Access = Access.QUESTION,
    ask: str | None = None,
    files: Mapping[str, bytes | Mapping[str, Any]] | None = None,
    without: Collection[str] = (),
) -> Exchange:
    """Answer a question written as JSON.

    Args:
        text: the question.
        access: what may be reached beyond the question itself.
        ask: what is asked, where the place says so that the question came to.
        files: files that came beside the text: bytes, or what a question says of one, its base64 as bytes.
        without: asks that are not answered here.
    """
    try:
        question = _question(text, ask, files)
    except QuestionError as error:
        return Exchange(400, problem_details(400, error.problems))
    try:
        return Exchange(200, encoded(answer(question, access, without)))
    except QuestionError as error:
        return Exchange(422, problem_details(422, error.problems))


def encoded(data: Any) -> str:
    """Data as JSON on one line.

    Raises:
        ValueError: for numbers that JSON does not have.
    """
    return json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _question(text: str | bytes, ask: str | None, files: Mapping[str, bytes | Mapping[str, Any]] | None) -> Any:
    """The question of a JSON text.

    Raises:
        QuestionError: for what is no JSON, and for an ask that contradicts the place.
    """
    try:
        question = json.loads(text, parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        raise _no_json(f"it is no UTF-8 (byte {error.start:,})") from None
    except json.JSONDecodeError as error:
        raise _no_json(f"{error.msg} (line {error.lineno:,}, column {error.colno:,})") from None
    except RecursionError:
        raise _no_json("it is nested too deeply") from None
    except ValueError as error:
        raise _no_json(str(error).partition(";")[0]) from None
    if ask is not None and isinstance(question, dict):
        if question.get("ask", ask) != ask:
            said = f"got {given(question['ask'])}; this is the place of {ask}: leave it out"
            raise QuestionError([Problem("ask", one_line(said))])
        question = {**question, "ask": ask}
    if files and isinstance(question, dict):
        sent = question.get("files")
        question = {**question, "files": {**(sent if isinstance(sent, dict) else {}), **files}}
    return question


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def _no_json(why: str) -> QuestionError:
    return QuestionError([Problem("", one_line(f"the question is no JSON: {why}"))])


def problem_details(status: int, problems: tuple[Problem, ...], kind: str = QUESTION, title: str = UNANSWERED) -> str:
    """Problem details (RFC 9457) that list every wrong field, with its place as a JSON pointer (RFC 6901)."""
    return encoded(
        {
            "type": PROBLEM + kind,
            "title": title,
            "status": status,
            "detail": one_line("; ".join(f"{p.field}: {p.message}" if p.field else p.message for p in problems)),
            "errors": [{"pointer": pointer(p.field), "field": p.field, "detail": p.message} for p in problems],
        }
    )


def pointer(field: str) -> str:
    """The JSON pointer, as a fragment, of a field's place."""
    if not field:
        return "#"
    first, dot, rest = field.partition(".")
    parts = [first, *([rest] if first in ("options", "files") else rest.split("."))] if dot else [first]
    return "#/" + "/".join(part.replace("~", "~0").replace("/", "~1") for part in parts)
