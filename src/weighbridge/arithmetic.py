"""One table of operators: what each does to integers, arrays and traced numbers, and how it is written.

A formula is an ordinary method over a module's fields. What is bound to the fields decides what comes out: an ``int``
gives the exact number, a :class:`~weighbridge.traced.Traced` gives the number and its derivation, a NumPy ``float64``
array gives many answers at once. Everything that cannot be written with ``+``, ``-`` and ``*`` goes through the helpers
of this file, which look up the same table.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

Count: TypeAlias = int
"""A whole number, or whatever is bound in its place: a traced number or an array. The type checker sees ``int``."""

Quantity = TypeVar("Quantity", int, float)
"""A count or a float; of both, a float."""


@dataclass(frozen=True, slots=True)
class Operator:
    """One row of the table.

    Attributes:
        name: what :func:`apply` calls it.
        scalar: what it does to Python numbers.
        array: what it does to arrays.
        text: how it is written in Python, over the helpers of this file; a written formula can be evaluated again.
        latex: how it is written in LaTeX.
        shown: how it is written for people; ``text`` where that reads well.
        brackets: sums and products among its arguments are bracketed when shown, as a division sign needs it.
    """

    name: str
    scalar: Callable[..., float]
    array: Callable[..., Any]
    text: str
    latex: str
    shown: str
    brackets: bool = False


def _ceil_div(a: int, b: int) -> int:
    return -(-a // b)


def _exact_div(a: int, b: int) -> int:
    quotient, rest = divmod(a, b)
    if rest:
        raise ArithmeticError(f"{a:,} does not divide by {b:,}")
    return quotient


def _exact_div_array(a: Any, b: Any) -> Any:
    import numpy

    return numpy.where(numpy.mod(a, b) == 0, numpy.floor_divide(a, b), numpy.nan)


def _scale(a: int, factor: float) -> int:
    return int(factor * a)


def _scale_array(a: Any, factor: Any) -> Any:
    import numpy

    return numpy.trunc(a * factor)


def _choose(condition: int, a: int, b: int) -> int:
    return a if condition else b


def _block(size: int, step: int, least: int) -> int:
    whole = -(-size // step) * step
    return whole if size >= least and 2 * (whole - size) <= step else size


def _block_array(size: Any, step: Any, least: Any) -> Any:
    import numpy

    whole = -(-size // step) * step
    return numpy.where((size >= least) & (2 * (whole - size) <= step), whole, size)


def _array(name: str) -> Callable[..., Any]:
    """The NumPy function of that name, imported at its first call."""

    def call(*arguments: Any) -> Any:
        import numpy

        return getattr(numpy, name)(*arguments)

    return call


def _infix(name: str, function: Callable[..., Any], sign: str, latex: str) -> Operator:
    text = "{} " + sign + " {}"
    return Operator(name, function, function, text, "{} " + latex + " {}", text)


def _call(
    name: str, scalar: Callable[..., float], array: Callable[..., Any], latex: str, shown: str = "", arity: int = 2
) -> Operator:
    text = f"{name}({', '.join(['{}'] * arity)})"
    return Operator(name, scalar, array, text, latex, shown or text, brackets="/" in shown or "^" in shown)


OPERATORS: dict[str, Operator] = {
    row.name: row
    for row in (
        _infix("add", operator.add, "+", "+"),
        _infix("subtract", operator.sub, "-", "-"),
        _infix("multiply", operator.mul, "*", r"\times"),
        _call("ceil_div", _ceil_div, _ceil_div, r"\left\lceil \frac{{{}}}{{{}}} \right\rceil", "ceil({} / {})"),
        _call("exact_div", _exact_div, _exact_div_array, r"\frac{{{}}}{{{}}}", "({} / {})"),
        _call(
            "floor_div",
            operator.floordiv,
            _array("floor_divide"),
            r"\left\lfloor \frac{{{}}}{{{}}} \right\rfloor",
            "floor({} / {})",
        ),
        _call("ratio", operator.truediv, operator.truediv, r"\frac{{{}}}{{{}}}", "({} / {})"),
        _call("power", math.pow, _array("power"), r"\left({}\right)^{{{}}}", "{}^{}"),
        _call("exponential", math.exp, _array("exp"), r"\exp\left({}\right)", "exp({})", arity=1),
        _call("scale", _scale, _scale_array, r"\left\lfloor {} \times {} \right\rfloor", "floor({} * {})"),
        _call("maximum", max, _array("maximum"), r"\max({}, {})", "max({}, {})"),
        _call("minimum", min, _array("minimum"), r"\min({}, {})", "min({}, {})"),
        _call("block", _block, _block_array, r"\operatorname{{block}}\left({}\right)", "block({})", arity=3),
        _call("where", _choose, _array("where"), r"({} \,?\, {} : {})", arity=3),
    )
}


NUMBERS = frozenset({int, float, bool})
"""Types that an operator's scalar function takes; most arguments are these, so that they are looked for first."""


def apply(name: str, *arguments: Any) -> Any:
    """Apply the operator of that name to integers, arrays or traced numbers.

    A type that is neither a Python number nor an array takes part by a class method ``__apply__(operator, arguments)``.
    """
    row = OPERATORS[name]
    if NUMBERS.issuperset(map(type, arguments)):
        return row.scalar(*arguments)
    for kind in map(type, arguments):
        if kind not in NUMBERS and hasattr(kind, "__apply__"):
            return kind.__apply__(row, arguments)
    return row.array(*arguments)


def ceil_div(a: Count, b: Count) -> Count:
    """``a / b`` rounded up: the share of the worst-off of ``b``."""
    result: Count = apply("ceil_div", a, b)
    return result


def exact_div(a: Count, b: Count) -> Count:
    """``a / b`` where ``b`` must divide ``a``; in arrays, ``nan`` where it does not.

    Raises:
        ArithmeticError: for integers that do not divide.
    """
    result: Count = apply("exact_div", a, b)
    return result


def floor_div(a: Count, b: Count) -> Count:
    """``a / b`` rounded down, for what a library itself rounds down (a head size, a chunk count)."""
    result: Count = apply("floor_div", a, b)
    return result


def ratio(a: Count | float, b: Count | float) -> float:
    """``a / b`` as a float: seconds from work and a rate, a share of a whole. Never a count."""
    result: float = apply("ratio", a, b)
    return result


def power(base: Count | float, exponent: float) -> float:
    """``base`` to the power of ``exponent``, as a float: power laws of scale. Never a count."""
    result: float = apply("power", base, exponent)
    return result


def exponential(a: float) -> float:
    """``e`` to the power of ``a``."""
    result: float = apply("exponential", a)
    return result


def scale(a: Count, factor: float) -> Count:
    """``a`` times a float, cut to a whole number as ``int()`` cuts it."""
    result: Count = apply("scale", a, factor)
    return result


def maximum(a: Quantity, b: Quantity) -> Quantity:
    """The larger of two quantities."""
    result: Quantity = apply("maximum", a, b)
    return result


def minimum(a: Quantity, b: Quantity) -> Quantity:
    """The smaller of two quantities."""
    result: Quantity = apply("minimum", a, b)
    return result


def block(size: Count, step: int, least: int) -> Count:
    """``size`` rounded up to a multiple of ``step`` where that adds no more than half a step; itself otherwise, and
    below ``least``.
    """
    result: Count = apply("block", size, step, least)
    return result


def where(condition: Count, a: Quantity, b: Quantity) -> Quantity:
    """``a`` where the condition (a quantity, zero or not) holds, else ``b``. Both are computed."""
    result: Quantity = apply("where", condition, a, b)
    return result


def product(sizes: Iterable[Count]) -> Count:
    """The product of sizes; 1 of none."""
    iterator = iter(sizes)
    total = next(iterator, 1)
    for size in iterator:
        total = total * size
    return total


def total(terms: Iterable[Count]) -> Count:
    """The sum of terms; 0 of none. Starts from the first term, so that a traced sum has no leading zero."""
    iterator = iter(terms)
    result = next(iterator, 0)
    for term in iterator:
        result = result + term
    return result
