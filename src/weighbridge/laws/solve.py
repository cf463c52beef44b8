"""Solving in one positive unknown, for laws without a closed form: plain bisection and golden section.

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

GOLDEN = (math.sqrt(5) - 1) / 2


def rising_root(function: Callable[[float], float], low: float, high: float) -> float:
    """Where a rising function of a positive number passes zero, between ``low`` and ``high``.

    Raises:
        ArithmeticError: where it does not pass zero there.
    """
    if not function(low) <= 0 <= function(high):
        raise ArithmeticError(f"no root between {low:g} and {high:g}")
    a, b = math.log(low), math.log(high)
    for _ in range(STEPS):
        middle = (a + b) / 2
        if middle in (a, b):
            break
        a, b = (a, middle) if function(math.exp(middle)) > 0 else (middle, b)
    return math.exp((a + b) / 2)


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
