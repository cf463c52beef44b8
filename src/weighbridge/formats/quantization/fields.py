"""The fields of a section that says how a checkpoint is quantised: read by their kinds, refused in one line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from weighbridge.errors import InputError, close, did_you_mean, given, shown

LARGEST = 2**31
"""The largest size of a block or a group."""

MOST_NAMES = 100_000
"""Module names that a list may hold; the longest known, with one per expert, has 22,422."""

LONGEST_NAME = 400
"""Characters of a module name or a pattern."""


class Section:
    """A table of fields under a name.

    Attributes:
        raw: the table.
        where: what it is called in errors.
        bits: of the checkpoint's data type, which scales have in some formats.
    """

    def __init__(self, raw: Mapping[str, Any], where: str, bits: int = 16) -> None:
        self.raw, self.where, self.bits = raw, where, bits
        self.read: set[str] = set()

    def __contains__(self, name: str) -> bool:
        self.read.add(name)
        return self.raw.get(name) is not None

    def get(self, name: str) -> Any:
        """A field's value as it stands there; ``None`` if it does not."""
        self.read.add(name)
        return self.raw.get(name)

    def wrong(self, name: str, allowed: str) -> InputError:
        """The refusal of a field's value."""
        return InputError(f"{self.where}.{name}: got {given(self.raw.get(name))}; allowed: {allowed}")

    def whole(self, name: str, default: int | None = None, allowed: Sequence[int] = (), all_of: bool = False) -> int:
        """A whole number: one of those allowed, else a size; -1, where ``all_of``, means all elements.

        Raises:
            InputError: for anything else, or where it is missing and has no default.
        """
        value = self.get(name)
        if value is None and default is not None:
            return default
        ways = ", ".join(map(str, allowed)) if allowed else f"a whole number from 1 to {LARGEST:,}"
        ways += ", or -1 for all" if all_of else ""
        if type(value) is not int:
            raise self.wrong(name, ways)
        fits = value in allowed if allowed else 1 <= value <= LARGEST
        if not fits and not (all_of and value == -1):
            raise self.wrong(name, ways)
        return value

    def flag(self, name: str, default: bool = False) -> bool:
        """True or false."""
        value = self.get(name)
        if value is None:
            return default
        if type(value) is not bool:
            raise self.wrong(name, "true or false")
        return value

    def word(self, name: str, allowed: Sequence[str], default: str | None = None) -> str:
        """One of some words, in any case.

        Raises:
            InputError: for another word, with the nearest.
        """
        value = self.get(name)
        if value is None and default is not None:
            return default
        known = {word.lower(): word for word in allowed}
        if not isinstance(value, str) or value.lower() not in known:
            near = did_you_mean(value, allowed) if isinstance(value, str) else ""
            raise self.wrong(name, ", ".join(allowed) + near)
        return known[value.lower()]

    def names(self, name: str) -> list[str] | None:
        """A list of module names or patterns; ``None`` where there is no list."""
        value = self.get(name)
        if value is None:
            return None
        if not isinstance(value, list) or len(value) > MOST_NAMES:
            raise self.wrong(name, f"a list of at most {MOST_NAMES:,} names")
        for number, entry in enumerate(value):
            if not isinstance(entry, str) or not entry or len(entry) > LONGEST_NAME:
                what = f"a name of 1 to {LONGEST_NAME} characters"
                raise InputError(f"{self.where}.{name}[{number}]: got {given(entry)}; allowed: {what}")
        return list(dict.fromkeys(value))

    def block(self, name: str) -> tuple[int, int] | None:
        """Rows and columns of a block; ``None`` where there is none."""
        value = self.get(name)
        if value is None:
            return None
        if isinstance(value, list | tuple) and len(value) == 2 and all(type(v) is int for v in value):
            rows, columns = value
            if 1 <= rows <= LARGEST and 1 <= columns <= LARGEST:
                return rows, columns
        got = str(value) if isinstance(value, list) and len(str(value)) < 40 else given(value)
        raise InputError(f"{self.where}.{name}: got {got}; allowed: two whole numbers, rows and columns of a block")

    def table(self, name: str) -> Section:
        """A table inside."""
        value = self.get(name)
        if not isinstance(value, Mapping):
            raise self.wrong(name, "a table")
        return Section(value, f"{self.where}.{name}")

    def misspelt(self) -> None:
        """Refuse a field that is not read and so near to one that is, and is missing, that it must be a slip.

        Raises:
            InputError: naming it and the field that it resembles.
        """
        missing = [name for name in self.read if name not in self.raw]
        for key in self.raw:
            if isinstance(key, str) and key not in self.read and close(key, missing):
                raise InputError(f"{self.where}.{shown(key)}: no such field{did_you_mean(key, missing, 1)}")
