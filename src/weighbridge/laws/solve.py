"""Solving in one positive unknown, for laws without a closed form: bracketed interpolation, and golden section.

Both work on the logarithm of the unknown, need a bracket and nothing else, and so run without SciPy. They take
numbers, not arrays.
"""

from __future__ import annotations

import math
from collections.abc import Callable

STEPS = 200
"""Halvings of a bracket: more than the digits of a float."""

SCANNED = 64
"""Points of the scan that finds the lowest valley."""

NARROWEST = 1e-8
"""Where golden section ends, as a relative width: around its lowest place a function is flat to within rounding."""

NARROW = 1e-11
"""Width of a bracket, in the logarithm, from which it is halved to the last digit."""

GOLDEN = (math.sqrt(5) - 1) / 2


def rising_root(function: Callable[[float], float], low: float, high: float) -> float:
    """Where a rising function of a positive number passes zero, between ``low`` and ``high``.

    Raises:
        ArithmeticError: where it does not pass zero there.
    """
    a, b = _around(function, low, high)
    for _ in range(STEPS):
        middle = (a + b) / 2
        if middle in (a, b):
            break
        a, b = (a, middle) if function(math.exp(middle)) > 0 else (middle, b)
    return math.exp((a + b) / 2)


def near_root(function: Callable[[float], float], low: float, high: float) -> float:
    """The same to ten digits, in half the steps.

    Raises:
        ArithmeticError: where it does not pass zero there.
    """
    a, b = _around(function, low, high)
    return math.exp((a + b) / 2)


def _around(function: Callable[[float], float], low: float, high: float) -> tuple[float, float]:
    """A narrow bracket around the root, of the logarithm."""
    of_low, of_high = function(low), function(high)
    if not of_low <= 0 <= of_high:
        raise ArithmeticError(f"no root between {low:g} and {high:g}")
    return _narrowed(function, math.log(low), math.log(high), of_low, of_high)


def _narrowed(function: Callable[[float], float], a: float, b: float, of_a: float, of_b: float) -> tuple[float, float]:
    """A narrow bracket around the root: inverse quadratic interpolation where three points lie so that it is safe, and
    halving elsewhere (Chandrupatla 1997). A smooth function takes well under half of the steps of halving alone.
    """
    share = 0.5
    for _ in range(STEPS):
        x = a + share * (b - a)
        found = function(math.exp(x))
        if (found > 0) == (of_a > 0):
            c, of_c = a, of_a
        else:
            b, c, of_b, of_c = a, b, of_a, of_b
        a, of_a = x, found
        if abs(b - a) <= NARROW or of_a == of_c:
            break
        xi, phi = (a - b) / (c - b), (of_a - of_b) / (of_c - of_b)
        share = 0.5
        if phi * phi < xi and (1 - phi) ** 2 < 1 - xi:
            share = of_a / (of_b - of_a) * of_c / (of_b - of_c)
            share += (c - a) / (b - a) * of_a / (of_c - of_a) * of_b / (of_c - of_b)
        least = NARROW / 2 / abs(b - a)
        share = min(1 - least, max(least, share))
    return min(a, b), max(a, b)


def lowest(function: Callable[[float], float], low: float, high: float) -> float:
    """Where a function of a positive number is lowest between ``low`` and ``high``: a scan, then golden section."""
    a, b = math.log(low), math.log(high)
    step = (b - a) / (SCANNED - 1)
    best = min(range(SCANNED), key=lambda i: function(math.exp(a + i * step)))
    a, b = a + max(0, best - 1) * step, a + min(SCANNED - 1, best + 1) * step
    left, right = b - GOLDEN * (b - a), a + GOLDEN * (b - a)
    of_left, of_right = function(math.exp(left)), function(math.exp(right))
    while b - a > NARROWEST:
        if of_left < of_right:
            b, right, of_right = right, left, of_left
            left = b - GOLDEN * (b - a)
            of_left = function(math.exp(left))
        else:
            a, left, of_left = left, right, of_right
            right = a + GOLDEN * (b - a)
            of_right = function(math.exp(right))
    return math.exp((a + b) / 2)
