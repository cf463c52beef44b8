"""Numbers as people write them: ``70B``, ``1.4T``, ``5.76e23``, ``1,400,000``."""

from __future__ import annotations

import math
import re

from weighbridge.errors import InputError, given
from weighbridge.units import DEAREST

WRITTEN = re.compile(r"([0-9][0-9,_]*(?:\.[0-9]*)?|\.[0-9]+)(?:e([+-]?[0-9]{1,4}))?\s*([a-z]?)", re.IGNORECASE)

SUFFIXES = {"": 1.0, "k": 1e3, "m": 1e6, "b": 1e9, "g": 1e9, "t": 1e12, "p": 1e15, "e": 1e18, "z": 1e21, "y": 1e24}
"""Thousands (K), millions (M), billions (B or G), trillions (T), and the decimal prefixes above."""

LONGEST = 60

PRICE = (1e-3, DEAREST, "dollars per GPU and hour", "2.50")
"""Of a price: the least, the most, the unit, an example, as :func:`amount` takes them."""


def amount(value: str | float, field: str, least: float, most: float, unit: str, example: str) -> float:
    """A positive number, written by a person or given as one.

    Args:
        value: a number, or text such as ``70B``.
        field: its name in errors.
        least: the smallest allowed.
        most: the largest allowed.
        unit: what it counts.
        example: how it may be written.

    Raises:
        InputError: for what is no number, or out of bounds.
    """
    number = _number(value)
    if number is None:
        raise InputError(f"{field}: got {_given(value)}; expected {unit} such as {example}")
    if not least <= number <= most:
        raise InputError(f"{field}: got {_given(value)}; allowed is {least:.3g} to {most:.3g} {unit}")
    return number


def _given(value: object) -> str:
    return value if isinstance(value, str) and re.fullmatch(r"[\w.+,-]{1,40}", value) else given(value)


def _number(value: object) -> float | None:
    """The number; ``None`` for what is none. One that is too large for a float is infinite, and so out of bounds."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if not isinstance(value, str):
        try:
            return None if math.isnan(value) else float(value)
        except OverflowError:
            return math.inf
    text = value.strip()
    negative, text = text.startswith("-"), text.removeprefix("-").removeprefix("+")
    match = WRITTEN.fullmatch(text) if len(text) <= LONGEST else None
    if match is None or match[3].lower() not in SUFFIXES:
        return None
    number = float(match[1].replace(",", "").replace("_", "") + "e" + (match[2] or "0")) * SUFFIXES[match[3].lower()]
    return -number if negative else number
