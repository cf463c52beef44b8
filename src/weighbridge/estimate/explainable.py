"""Figures that are formulas over the fields of one record, each with its derivation where it is known."""

from __future__ import annotations

from typing import Any, ClassVar

from weighbridge.errors import InputError, given
from weighbridge.traced import trace


class Explainable:
    """A frozen record whose properties are formulas over its fields.

    Attributes:
        figures: names of the properties that have a derivation, first the main one.
    """

    figures: ClassVar[tuple[str, ...]]

    @property
    def explainable(self) -> tuple[str, ...]:
        """The figures that are known."""
        return tuple(name for name in self.figures if getattr(self, name) is not None)

    def explained(self, quantity: str = "") -> Any:
        """A figure with its derivation.

        Args:
            quantity: one of :attr:`explainable`; the first if empty.

        Raises:
            InputError: for another.
        """
        chosen = quantity or self.figures[0]
        if chosen not in self.explainable:
            raise InputError(f"quantity: got {given(chosen)}; allowed: {', '.join(self.explainable)}")
        return getattr(trace(self), chosen)
