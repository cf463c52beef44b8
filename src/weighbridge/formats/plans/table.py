"""A configuration file as a table of values: typed access by dotted name; what is wrong or unknown is noted.

Nothing is dropped in silence: a key that the framework does not have, or that bears on memory and has no place in a
plan, becomes one warning; a value that cannot be used becomes a problem, and all problems are said in one line.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from weighbridge.errors import InputError, did_you_mean, given, shown
from weighbridge.models.config import LARGEST

SHOWN_PROBLEMS = 8
"""Problems that one error line lists."""

LOOKED_UP = 20
"""Unknown keys for which the nearest known one is looked up; the rest are only named."""

MOST_UNKNOWN = 100
"""Unknown keys that are named; a file with more is told by their number."""

AUTO = "auto"
"""What stands for a value that whoever starts the run fills in."""

Keys = Mapping[str, Mapping[str, str]]
"""Sections by dotted name; in each, words by what becomes of them: ``read``, ``memory``, ``time`` or ``nothing``.

After "=" stands the default of a key that is not modelled, so that a value equal to it needs no warning."""


class Table:
    """The values of a file.

    Attributes:
        form: the framework that reads such files, for messages.
        warnings: what is unknown or not modelled, a line each.
        problems: what cannot be used.
    """

    def __init__(self, form: str, raw: Mapping[str, Any], keys: Keys, place: str = "") -> None:
        """Notes every key that is unknown or not modelled.

        Args:
            form: the framework's name.
            raw: the file's contents.
            keys: the keys that the framework knows.
            place: where the table stands in a larger file, for messages: ``deepspeed.``.
        """
        self.form = form
        self.place = place
        self.warnings: list[str] = []
        self.problems: list[str] = []
        self._raw = raw
        self._keys = {section: _statuses(words) for section, words in keys.items()}
        self._unknown = 0
        self._walk("", raw)
        if self._unknown > MOST_UNKNOWN:
            more = self._unknown - MOST_UNKNOWN
            self.warnings.append(f"{more:,} more keys that {form} does not have; they are left out")

    def _walk(self, section: str, table: Mapping[str, Any]) -> None:
        known = self._keys[section]
        for key, value in table.items():
            path = f"{section}.{key}" if section else key
            if path in self._keys and isinstance(value, Mapping):
                self._walk(path, value)
            elif key not in known and path not in self._keys:
                self._strange(path, key, known, section)
            elif known.get(key, ("read", ""))[0] in ("memory", "time"):
                bears, default = known[key]
                if not _same(value, default):
                    self.unmodelled(path, value, bears)

    def _strange(self, path: str, key: str, known: Mapping[str, Any], section: str) -> None:
        """One warning for a key that the framework does not have."""
        self._unknown += 1
        if self._unknown > MOST_UNKNOWN:
            return
        sections = {name.rpartition(".")[2] for name in self._keys if name and name.rpartition(".")[0] == section}
        near = did_you_mean(key, [*known, *sections], 1) if self._unknown <= LOOKED_UP and len(key) > 2 else ""
        self.warnings.append(f"{shown(self.place + path)}: {self.form} has no such key; it is left out{near}")

    def unmodelled(self, path: str, value: object, bears: str = "memory", instead: str = "") -> None:
        """Notes a value that bears on memory or time and has no place in a plan."""
        value = int(value) if isinstance(value, float) and value.is_integer() else value
        taken = f"; {instead}" if instead else ""
        self.warnings.append(f"not modelled: {self.place}{path} = {given(value)} bears on {bears}{taken}")

    def note(self, path: str, text: str) -> None:
        """Notes what was assumed."""
        self.warnings.append(f"{self.place}{path}: {text}")

    def problem(self, path: str, text: str) -> None:
        """Notes what cannot be used."""
        self.problems.append(f"{self.place}{path}: {text}")

    def check(self) -> None:
        """Refuse the file if anything is wrong.

        Raises:
            InputError: one line with every problem.
        """
        if self.problems:
            found = list(dict.fromkeys(self.problems))
            more = f"; and {len(found) - SHOWN_PROBLEMS} more" if len(found) > SHOWN_PROBLEMS else ""
            raise InputError("; ".join(found[:SHOWN_PROBLEMS]) + more)

    def value(self, path: str) -> Any:
        """What stands there; ``None`` where nothing does, or ``null``, or "auto"."""
        found: Any = self._raw
        for key in path.split("."):
            found = found.get(key) if isinstance(found, Mapping) else None
        return None if isinstance(found, str) and found == AUTO else found

    def says_auto(self, path: str) -> bool:
        """Whether "auto" stands there."""
        parent, _, key = path.rpartition(".")
        table = self.value(parent) if parent else self._raw
        return isinstance(table, Mapping) and table.get(key) == AUTO

    def has(self, path: str) -> bool:
        """Whether a value stands there."""
        return self.value(path) is not None

    def first(self, *paths: str) -> str:
        """The first of some names that has a value; the first of them if none has."""
        return next((path for path in paths if self.has(path)), paths[0])

    def flag(self, path: str, default: bool = False) -> bool:
        """A yes or no."""
        value = self.value(path)
        if value is None or isinstance(value, bool):
            return default if value is None else value
        self._wrong(path, value, "true or false")
        return default

    def size(self, path: str, least: int = 1, most: int = LARGEST) -> int | None:
        """A whole number, which may be written as ``5e8``; ``None`` where nothing stands."""
        value = self.value(path)
        if value is None:
            return None
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not math.isfinite(value) or value != int(value):
            self._wrong(path, value, "a whole number")
        elif not least <= value <= most:
            self._wrong(path, int(value), f"{least:,} to {most:,}", "allowed is")
        else:
            return int(value)
        return None

    def integer(self, path: str, default: int, least: int = 1, most: int = LARGEST) -> int:
        """A whole number, or a default."""
        found = self.size(path, least, most)
        return default if found is None else found

    def share(self, path: str, default: float) -> float:
        """A number from 0 to 1."""
        value = self.value(path)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            self._wrong(path, value, "a number from 0 to 1")
            return default
        return float(value)

    def text(self, path: str) -> str | None:
        """A string."""
        value = self.value(path)
        if value is None or isinstance(value, str):
            return value
        self._wrong(path, value, "a string")
        return None

    def word(self, path: str, choices: Iterable[str], default: str) -> str:
        """One of some words."""
        value, allowed = self.text(path), list(choices)
        if value is None or value in allowed:
            return default if value is None else value
        near = did_you_mean(value, allowed, 1)
        self.problem(path, f"got {given(value)}; allowed: {', '.join(allowed)}{near}")
        return default

    def words(self, path: str) -> tuple[str, ...]:
        """A list of strings, or one string with commas between them."""
        value = self.value(path)
        if value is None:
            return ()
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        if isinstance(value, list) and all(isinstance(part, str) for part in value):
            return tuple(value)
        self._wrong(path, value, "a list of strings")
        return ()

    def table(self, path: str) -> Mapping[str, Any]:
        """A section; empty where there is none."""
        value = self.value(path)
        if value is None or isinstance(value, Mapping):
            return {} if value is None else value
        self._wrong(path, value, "a table")
        return {}

    def _wrong(self, path: str, value: object, expected: str, verb: str = "expected") -> None:
        self.problem(path, f"got {given(value)}; {verb} {expected}")


def known(keys: Keys, section: str = "") -> set[str]:
    """The keys of a section, and the sections below it."""
    below = {name.removeprefix(f"{section}.") for name in keys if name.startswith(f"{section}." if section else "")}
    return set(_statuses(keys.get(section, {}))) | {name for name in below if name and "." not in name}


def _statuses(words: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """What becomes of each key, and its default."""
    return dict(_spelled(words))


def _spelled(words: Mapping[str, str]) -> Iterator[tuple[str, tuple[str, str]]]:
    for status, text in words.items():
        for word in text.split():
            name, _, default = word.partition("=")
            yield name, (status, default)


def _same(value: object, default: str) -> bool:
    """Whether a value is the default, or says nothing."""
    if value is None or (isinstance(value, str) and value == AUTO) or (value in ({}, []) and not default):
        return True
    if isinstance(value, bool):
        return str(value).lower() == (default or "false")
    if isinstance(value, int | float):
        try:
            return float(value) == float(default)
        except (ValueError, OverflowError):
            return False
    return isinstance(value, str) and value == default
