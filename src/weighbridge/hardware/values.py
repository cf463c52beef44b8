"""Values that a table of TOML gives: each is one of its kind within a range, or refused in one line."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from weighbridge.errors import InputError, did_you_mean, given, shown

LARGEST = 10**18
"""Of any figure of a device: a thousand times the memory, rate or bandwidth of any announced."""


def check_fields(where: str, table: Mapping[str, Any], known: tuple[str, ...]) -> None:
    """Refuse a field that is none.

    Raises:
        InputError: naming it, those that are allowed and the nearest.
    """
    for name in table:
        if name not in known:
            near = did_you_mean(name, known)
            raise InputError(f"{where}{shown(name)}: no such field; allowed: {', '.join(known)}{near}")


def whole(where: str, value: Any, most: int = LARGEST, least: int = 1) -> int:
    """A whole number, also where it is written as ``3.35e12``.

    Raises:
        InputError: for anything else, or one outside the range.
    """
    if isinstance(value, float) and math.isfinite(value) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise InputError(f"{where}: got {given(value)}; expected a whole number of {least} to {most:,}")
    if not least <= value <= most:
        raise InputError(f"{where}: got {given(value)}; allowed is {least} to {most:,}")
    return value


def number(where: str, value: Any, most: float, least: float = 0.0) -> float:
    """A number, whole or not.

    Raises:
        InputError: for anything else, or one outside the range.
    """
    if not isinstance(value, int | float) or isinstance(value, bool) or not least <= value <= most:
        raise InputError(f"{where}: got {given(value)}; allowed is a number of {least:g} to {most:,.0f}")
    return float(value)
