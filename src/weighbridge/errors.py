"""Every error that a user can cause. Each is one line: what was wrong, what was given, what is allowed, the nearest."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self


class WeighbridgeError(ValueError):
    """Base of all errors that come from input. The command line prints it and ends with status 2."""


class InputError(WeighbridgeError):
    """A value, an option or a field that cannot be used.

    Attributes:
        parts: what is wrong with which field, where the line says several things; else empty.
    """

    def __init__(self, line: str = "", parts: Iterable[tuple[str, str]] = ()) -> None:
        super().__init__(line)
        self.parts = tuple(parts)

    @classmethod
    def of(cls, parts: Iterable[tuple[str, str]]) -> Self:
        """One line of several fields' problems."""
        found = tuple(parts)
        return cls("; ".join(f"{field}: {what}" for field, what in found), found)


class UnknownModelError(InputError):
    """No catalogue entry, file or repository of that name."""


class UnknownArchitectureError(InputError):
    """A configuration whose ``model_type`` no family of this package builds."""


class UnreadableError(InputError):
    """A file or a repository that could not be read."""


def printable(text: str, limit: int) -> str:
    """A text on one line, without control and direction characters, cut where it is long."""
    clean = "".join(c if c.isprintable() else "�" for c in text[: limit + 1])
    return clean if len(clean) <= limit else f"{clean[: limit - 1]}…"


def shown(value: object, limit: int = 60) -> str:
    """A word (a name, a path, a field) as an error line shows it."""
    return printable(value if isinstance(value, str) else repr(value), limit)


def given(value: object) -> str:
    """A value as an error line shows it: as JSON would write it, numbers with separators, long things by their kind."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int):
        return f"{value:,}" if abs(value) < 10**30 else f"a number of {len(str(abs(value))):,} digits"
    if isinstance(value, str):
        return f'"{shown(value)}"'
    if isinstance(value, list | tuple):
        return f"a list of {len(value):,}"
    return "a table" if isinstance(value, dict) else shown(value)


def nearest(word: str, known: Iterable[str], count: int = 3) -> list[str]:
    """The known words closest to a given one, best first."""
    import difflib

    words = {k.lower(): k for k in known}
    word = word[:100]
    close = difflib.get_close_matches(word.lower(), words, n=count, cutoff=0.5)
    inside = [k for k in words if len(word) > 2 and word.lower() in k and k not in close]
    return [words[k] for k in (close + sorted(inside, key=len))[:count]]


def close(word: str, known: Iterable[str]) -> bool:
    """Whether a word is so near to a known one that it must be a slip of the pen."""
    import difflib

    return bool(difflib.get_close_matches(word[:100], list(known), n=1, cutoff=0.88))


def did_you_mean(word: str, known: Iterable[str], count: int = 3) -> str:
    """``"; did you mean a, b or c?"``, or nothing when nothing is close."""
    close = nearest(word, known, count)
    if not close:
        return ""
    listed = close[0] if len(close) == 1 else f"{', '.join(close[:-1])} or {close[-1]}"
    return f"; did you mean {listed}?"
