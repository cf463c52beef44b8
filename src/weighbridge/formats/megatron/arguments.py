"""A list of Megatron-LM's arguments, read as its own parser reads it: values by their names, and what to tell people.

Megatron-LM takes no abbreviations (megatron/training/arguments.py, parse_args, allow_abbrev=False); where an argument
is given twice, the last wins.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from weighbridge.errors import InputError, did_you_mean, given, shown
from weighbridge.formats.megatron.table import Bears, Kind, Row, Value, by_dest, rows
from weighbridge.models.config import LARGEST

MOST_TOKENS = 20_000
"""More words than any command line has."""

SHOWN_PROBLEMS = 8
"""Problems that one error line lists."""

LOOKED_UP = 20
"""Unknown arguments for which the nearest known one is looked up; the rest are only named."""

NEAR = 0.75
"""How much of a name must agree for it to be a slip of the pen (difflib's ratio)."""

KNOWN_SPECS = ("megatron.core.models.", "local")
"""Beginnings of --spec that name what is built without it too."""

NUMBER = re.compile(r"-(\d[\d_]*)?(\.\d*)?(e[+-]?\d+)?", re.IGNORECASE)
"""A negative number, which is a value and no argument's name."""


@dataclass(frozen=True)
class Arguments:
    """Arguments by what Megatron-LM calls their values.

    Attributes:
        values: those that were given.
        given: their names, without defaults.
        warnings: one line each: what is unknown, and what is known but not modelled.
    """

    values: Mapping[str, Value] = field(default_factory=dict)
    given: frozenset[str] = frozenset()
    warnings: tuple[str, ...] = ()

    def value(self, dest: str) -> Value:
        """What was given, else Megatron-LM's default."""
        return self.values[dest] if dest in self.values else by_dest()[dest].default

    def flag(self, dest: str) -> bool:
        """A flag."""
        return bool(self.value(dest))

    def size(self, dest: str) -> int | None:
        """A whole number, or ``None`` where none was given and there is no default."""
        value = self.value(dest)
        return value if type(value) is int else None

    def integer(self, dest: str) -> int:
        """A whole number that has a default, or that was checked to be given."""
        value = self.value(dest)
        return value if type(value) is int else 0

    def number(self, dest: str) -> float | None:
        """A number."""
        value = self.value(dest)
        return float(value) if isinstance(value, int | float) else None

    def text(self, dest: str) -> str | None:
        """A word, or ``None`` where none was given and there is no default."""
        value = self.value(dest)
        return value if isinstance(value, str) else None

    def words(self, dest: str) -> tuple[str, ...]:
        """A list of words; empty where none was given."""
        value = self.value(dest)
        return tuple(str(one) for one in value) if isinstance(value, tuple) else ()

    def numbers(self, dest: str) -> tuple[float, ...]:
        """A list of numbers; empty where none was given."""
        value = self.value(dest)
        return tuple(float(one) for one in value) if isinstance(value, tuple) else ()


@dataclass(frozen=True, slots=True)
class _Given:
    """A name and the words that follow it."""

    name: str
    values: tuple[str, ...]
    joined: bool


def parse(tokens: Sequence[str]) -> Arguments:
    """Arguments from the words of a command line.

    Args:
        tokens: what follows the script's name.

    Raises:
        InputError: one line with every value that cannot be used.
    """
    if len(tokens) > MOST_TOKENS:
        raise InputError(f"arguments: got {len(tokens):,} words; allowed is at most {MOST_TOKENS:,}")
    values: dict[str, Value] = {}
    unknown: dict[str, None] = {}
    stray: dict[str, None] = {}
    problems: list[str] = []
    for one in _split(tokens, stray):
        row = rows().get(one.name)
        if row is None:
            unknown[one.name] = None
            continue
        try:
            values[row.dest] = _value(row, one, stray)
        except InputError as error:
            problems.append(str(error))
    if problems:
        raise InputError("; ".join(dict.fromkeys(problems[:SHOWN_PROBLEMS])))
    warnings = (*_unknown(unknown), *_stray(stray), *_unmodelled(values))
    return Arguments(values, frozenset(values), warnings)


def _split(tokens: Sequence[str], stray: dict[str, None]) -> Iterator[_Given]:
    """Every name with the words up to the next."""
    at, end = 0, len(tokens)
    while at < end:
        token = tokens[at]
        at += 1
        if not _names(token):
            stray[token] = None
            continue
        start = at
        while at < end and not _names(tokens[at]):
            at += 1
        name, joined, inline = token.partition("=")
        values = (inline, *tokens[start:at]) if joined else tuple(tokens[start:at])
        yield _Given(name, values, bool(joined))


def _names(token: str) -> bool:
    """Whether a word is an argument's name; as in argparse, one with a blank in it is none."""
    return token.startswith("-") and len(token) > 1 and " " not in token.partition("=")[0] and not _negative(token)


def _negative(token: str) -> bool:
    return any(c.isdigit() for c in token[:3]) and NUMBER.fullmatch(token) is not None


def _value(row: Row, one: _Given, stray: dict[str, None]) -> Value:
    """The value of an argument.

    Raises:
        InputError: where it has none, one too many, or one that cannot be used.
    """
    if row.kind.flag:
        if one.joined:
            raise InputError(f"{row.name}: got {given(one.values[0])}; expected {row.kind}")
        stray.update(dict.fromkeys(one.values))
        return row.kind is Kind.ON
    if row.kind.many:
        return _many(row, one)
    if not one.values:
        raise InputError(f"{row.name}: no value is given; expected {_expected(row)}")
    stray.update(dict.fromkeys(one.values[1:]))
    return _one(row, one.values[0])


def _many(row: Row, one: _Given) -> Value:
    """A list, whose items may also stand in one word, as test recipes write them: ``[moe_act mlp]``."""
    words = one.values
    if row.bears is Bears.HONOURED:
        words = tuple(word for text in words for word in re.split(r"[\s,'\"]+", text.strip(" []'\"")) if word)
    if row.kind is Kind.INTEGERS:
        return tuple(_integer(row, word) for word in words)
    if row.kind is Kind.NUMBERS:
        return tuple(_number(row, word) for word in words)
    for word in words:
        _chosen(row, word)
    return words


def _one(row: Row, text: str) -> Value:
    if row.bears is Bears.NOTHING:
        return _unread(row, text)
    if row.kind is Kind.INTEGER:
        return _integer(row, text)
    if row.kind is Kind.NUMBER:
        return _number(row, text)
    return _chosen(row, text)


def _unread(row: Row, text: str) -> str:
    """A value on which nothing here depends, whatever it says, but for what is no number and yet reads as one."""
    if row.kind is Kind.NUMBER and text.strip().lower().lstrip("+-") == "nan":
        raise InputError(f"{row.name}: got {given(text)}; expected {row.kind}")
    return text


def _expected(row: Row) -> str:
    return f"one of {', '.join(row.choices)}" if row.choices else str(row.kind)


def _integer(row: Row, text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        raise InputError(f"{row.name}: got {given(text)}; expected a whole number") from None
    if abs(value) > LARGEST:
        raise InputError(f"{row.name}: got {given(value)}; allowed is at most {LARGEST:,}")
    return value


def _number(row: Row, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(f"{row.name}: got {given(text)}; expected a number")
    return value


def _chosen(row: Row, text: str) -> str:
    if row.choices and text not in row.choices:
        raise InputError(
            f"{row.name}: got {given(text)}; allowed: {', '.join(row.choices)}{did_you_mean(text, row.choices, 1)}"
        )
    return text


def _nearest(name: str) -> str:
    """The known argument that an unknown one must be a slip of, if it is near enough to any."""
    import difflib

    close = difflib.get_close_matches(name[:100].lower().replace("_", "-"), rows(), n=1, cutoff=NEAR)
    return f"; did you mean {close[0]}?" if close else ""


def _unknown(names: Iterable[str]) -> Iterator[str]:
    """One line for each argument that Megatron-LM does not have."""
    for place, name in enumerate(names):
        near = _nearest(name) if place < LOOKED_UP else ""
        yield f"{shown(name)}: Megatron-LM has no such argument; it is left out{near}"


def _stray(words: Iterable[str]) -> Iterator[str]:
    """One line for each word that belongs to no argument."""
    for word in words:
        yield f"{given(word)}: belongs to no argument; it is left out"


def _unmodelled(values: Mapping[str, Value]) -> Iterator[str]:
    """One line for each argument that is known to matter and is not modelled."""
    for dest, value in values.items():
        row = by_dest()[dest]
        if row.bears in (Bears.HONOURED, Bears.NOTHING) or _same(value, row.default):
            continue
        if dest == "spec" and _spelled(value).lstrip("[").startswith(KNOWN_SPECS):
            continue
        said = "" if row.kind.flag else f" {shown(value if isinstance(value, str) else _spelled(value))}"
        yield f"{row.name}{said}: bears on {row.bears} and is not modelled"


def _spelled(value: Value) -> str:
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _same(value: Value, default: Value) -> bool:
    """Whether a value is the default, which the table has as a word."""
    if isinstance(value, bool) or default is None:
        return False
    text, expected = _spelled(value), str(default)
    try:
        return text == expected or float(text) == float(expected)
    except ValueError:
        return False
