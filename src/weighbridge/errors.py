"""Every error that a user can cause. Each is one line: what was wrong, what was given, what is allowed, the nearest."""

from __future__ import annotations

from collections.abc import Iterable


class WeighbridgeError(ValueError):
    """Base of all errors that come from input. The command line prints it and ends with status 2."""


class InputError(WeighbridgeError):
    """A value, an option or a field that cannot be used."""


class UnknownModelError(InputError):
    """No catalogue entry, file or repository of that name."""


class UnknownArchitectureError(InputError):
    """A configuration whose ``model_type`` no family of this package builds."""


class UnreadableError(InputError):
    """A file or a repository that could not be read."""


def shown(value: object, limit: int = 60) -> str:
    """A value as an error line shows it: on one line, printable, cut where it is long."""
    text = "".join(c if c.isprintable() else "�" for c in (value if isinstance(value, str) else repr(value)))
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def nearest(word: str, known: Iterable[str], count: int = 3) -> list[str]:
    """The known words closest to a given one, best first."""
    import difflib

    words = {k.lower(): k for k in known}
    close = difflib.get_close_matches(word.lower(), words, n=count, cutoff=0.5)
    inside = [k for k in words if len(word) > 2 and word.lower() in k and k not in close]
    return [words[k] for k in (close + sorted(inside, key=len))[:count]]


def close(word: str, known: Iterable[str]) -> bool:
    """Whether a word is so near to a known one that it must be a slip of the pen."""
    import difflib

    return bool(difflib.get_close_matches(word, list(known), n=1, cutoff=0.88))


def did_you_mean(word: str, known: Iterable[str], count: int = 3) -> str:
    """``"; did you mean a, b or c?"``, or nothing when nothing is close."""
    close = nearest(word, known, count)
    if not close:
        return ""
    listed = close[0] if len(close) == 1 else f"{', '.join(close[:-1])} or {close[-1]}"
    return f"; did you mean {listed}?"
