"""Plans and their parts in short: what differs from a plan of the same framework that says nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from weighbridge.parallel.plan import Plan


def plan(chosen: Plan, usual: Plan) -> str:
    """``Plan.under('megatron', gpus=64, tensor=8)``."""
    words = [repr(chosen.framework.name)]
    for field in fields(chosen):
        own, other = getattr(chosen, field.name), getattr(usual, field.name)
        if field.name != "framework" and not same(own, other):
            words.append(f"{field.name}={value(own, other)}")
    return f"Plan.under({', '.join(words)})"


def value(own: Any, usual: Any = None) -> str:
    """A value; of a choice with a name its name, of a table of choices those that differ from the usual."""
    if isinstance(own, Enum):
        return repr(own.value)
    if is_dataclass(own) and not isinstance(own, type):
        if hasattr(own, "name"):
            return repr(own.name)
        words = [f"{name}={value(one, other)}" for name, one, other in differing(own, usual)]
        return f"{type(own).__name__}({', '.join(words)})"
    if isinstance(own, tuple):
        inside = ", ".join(value(one) for one in own[:4]) + (f", ... {len(own):,}" if len(own) > 4 else "")
        return f"({inside}{',' if len(own) == 1 else ''})"
    return repr(own)


def differing(own: Any, usual: Any = None) -> Iterator[tuple[str, Any, Any]]:
    """Fields of a table that differ from another's, or from their defaults."""
    alike = type(usual) is type(own)
    for field in fields(own):
        other = getattr(usual, field.name) if alike else _default(field)
        one = getattr(own, field.name)
        if field.name != "title" and not same(one, other):
            yield field.name, one, other


def _default(field: Field[Any]) -> Any:
    return None if field.default is MISSING else field.default


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal; numbers that are traced, and arrays, are equal to none but themselves."""
    if one is other:
        return True
    if type(one) is not type(other):
        return False
    if is_dataclass(one) and not isinstance(one, type):
        return all(same(getattr(one, field.name), getattr(other, field.name)) for field in fields(one))
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return isinstance(one, str | int | float | frozenset) and one == other
