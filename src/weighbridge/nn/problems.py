"""Rules that fields keep among themselves, and how a broken one is said. Modules and configurations share them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from math import isqrt

Problem = tuple[str, str]
"""A field and what is wrong with it."""


def must_divide(config: object, number: str, divisor: str, why: str = "") -> Iterator[Problem]:
    """A problem where one field does not divide by another, with the nearest values that do."""
    a, b = getattr(config, number), getattr(config, divisor)
    if a % b:
        divisors = [d for pair in ((d, a // d) for d in range(1, isqrt(a) + 1) if a % d == 0) for d in pair]
        below = max((d for d in divisors if d < b), default=1)
        above = min((d for d in divisors if d > b), default=below)
        because = f" ({why})" if why else ""
        fits = f"{number} {multiples(a, b)}, or {divisor} {listed([below, above])}"
        yield number, f"{a:,} does not divide by {divisor} = {b:,}{because}; nearest that fit: {fits}"


def at_most(config: object, small: str, large: str) -> Iterator[Problem]:
    """A problem where one field is larger than another that bounds it."""
    a, b = getattr(config, small), getattr(config, large)
    if a is not None and a > b:
        yield small, f"{a:,} is more than {large} = {b:,}"


def one_of(config: object, field: str, allowed: Collection[str]) -> Iterator[Problem]:
    """A problem where a field is none of the words that it may be."""
    value = getattr(config, field)
    if value not in allowed:
        yield field, f"{value!r} is unknown; allowed: {', '.join(allowed)}"


def listed(values: Iterable[int]) -> str:
    """Numbers in words: ``4,096 or 4,128``."""
    return " or ".join(f"{v:,}" for v in dict.fromkeys(values))


def multiples(number: int, divisor: int) -> str:
    """The multiples of a divisor next to a number, 0 left out, in words."""
    below = number // divisor * divisor
    return listed(multiple for multiple in (below, below + divisor) if multiple)
