"""Bounds of a question, whatever it asks: how deep, how many values, how large; what is no JSON is refused."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from weighbridge.answer.problems import Problem
from weighbridge.errors import given, shown

DEEPEST = 32
"""Levels of tables and lists; configurations have some 6."""

MOST_VALUES = 300_000
"""Values in all; the largest configuration known, with a quantisation map of every tensor, has 60,000."""

LONGEST_TEXT = 200_000
"""Characters of one text, such as a launch script."""

LONGEST_NAME = 1_000
"""Characters of a key."""

LARGEST = 10**30
"""Of whole numbers: no figure of a model comes near."""


def out_of_bounds(question: Mapping[Any, Any]) -> list[Problem]:
    """What no question may have; only the first of each level is named where many are wrong."""
    found: list[Problem] = []
    seen = 0
    level: list[tuple[str, Any]] = [("", question)]
    for _ in range(DEEPEST):
        below: list[tuple[str, Any]] = []
        for place, value in level:
            seen += 1
            if seen > MOST_VALUES:
                return [Problem("", f"more than {MOST_VALUES:,} values; no question has that many")]
            said = _value(value)
            if said:
                found.append(Problem(place, said))
            below += _inside(place, value)
        if not below or found:
            return found[:8]
        level = below
    return [Problem(level[0][0][:80], f"nested deeper than {DEEPEST} levels")]


def _inside(place: str, value: Any) -> Iterator[tuple[str, Any]]:
    join = f"{place}." if place else ""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            name = key if isinstance(key, str) else repr(key)
            yield f"{join}{shown(name)}", inner if _name(key) else _Wrong()
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value):
            yield f"{join}{number}", inner


class _Wrong:
    """Stands for a value under a key that is none."""


def _name(key: Any) -> bool:
    return isinstance(key, str) and len(key) <= LONGEST_NAME and _encodes(key)


def _encodes(text: str) -> bool:
    """Whether a text is one in UTF-8: half a surrogate pair is none."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _value(value: Any) -> str:
    """What is wrong with one value; empty where nothing is."""
    if isinstance(value, _Wrong):
        return f"a name of a field is text of at most {LONGEST_NAME:,} characters"
    if value is None or isinstance(value, bool | bytes | bytearray | memoryview | Mapping | list | tuple):
        return ""
    if isinstance(value, int):
        return "" if abs(value) < LARGEST else f"got {_digits(value)}; allowed are numbers below 1e30"
    if isinstance(value, float):
        return "" if math.isfinite(value) else f"got {value}; allowed are finite numbers"
    if isinstance(value, str):
        if len(value) > LONGEST_TEXT:
            return f"a text of {len(value):,} characters; allowed are {LONGEST_TEXT:,}"
        if "\0" in value or not _encodes(value):
            return f"got {given(value)}; allowed is text without NUL and half surrogate pairs"
        return ""
    return f"got a {type(value).__name__}; allowed is what JSON has"


def _digits(value: int) -> str:
    return f"a number of some {round(abs(value).bit_length() * math.log10(2)):,} digits"
