"""The middle of several answers to one question, and how far they are apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Middle:
    """A figure over several laws.

    Attributes:
        low: the smallest of them.
        middle: their median.
        high: the largest.
    """

    low: float
    middle: float
    high: float


def middle(values: Sequence[float]) -> Middle:
    """The least, the median and the largest of some values."""
    return Middle(min(values), median(values), max(values))
