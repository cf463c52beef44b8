"""Dataclasses that a pass through a model makes by the hundred."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, eq_default=False, field_specifiers=(field,))
def unchanged(kind: type[T]) -> type[T]:
    """A dataclass of which nobody changes a field, as the type checker sees to: a pass makes hundreds, and to refuse it
    at run time as well takes most of the time that making one does.
    """
    return dataclass(eq=False, slots=True)(kind)


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def unchanged_value(kind: type[T]) -> type[T]:
    """The same, where two with equal fields are one."""
    return dataclass(unsafe_hash=True, slots=True)(kind)
