"""Sums of fractions that are the same on every version of Python.

The built-in ``sum`` adds floats one after another until Python 3.11, and makes good what is rounded off from 3.12 on.
The last digit of a time would then say which Python worked it out, and the page, which brings its own Python, would
differ from the command line and the service.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from operator import add
from typing import Any, TypeVar, overload

T = TypeVar("T")


@overload
def summed(values: Iterable[float]) -> float: ...


@overload
def summed(values: Iterable[T], start: T) -> T: ...


def summed(values: Iterable[Any], start: Any = 0) -> Any:
    """The values, added one after another to ``start``: floats, or quantities that remember how they came about."""
    return reduce(add, values, start)
