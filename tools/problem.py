"""A curve and the measurements that it is fitted to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tools.fitting import SHORT_WEIGHT, Range, errors, fitted
from tools.tables import Origin

Values = dict[str, float]

MATMUL = (
    Range("share", 0.8, 0.3, 1),
    Range("sustained", 0.95, 0.7, 1),
    Range("medium", 0.9, 0.3, 1),
    Range("small", 0.6, 0.1, 1),
    Range("prologue", 100, 0, 1000),
    Range("quantised", 0.5, 0, 1),
    Range("bandwidth", 0.85, 0.3, 1),
    Range("exposed", 0.2, 0, 1),
    Range("launch", 3e-6, 1e-6, 2e-5),
)
"""Parameters of a multiplication."""

ATTENTION = (
    Range("share", 0.8, 0.2, 1),
    Range("score", 2e-11, 0, 2e-10),
    Range("exposed", 0.5, 0, 1),
    Range("prologue", 100, 0, 1000),
    Range("tail", 0.5, 0, 1),
    Range("bandwidth", 0.6, 0.05, 1),
    Range("launch", 5e-6, 1e-6, 5e-5),
)
"""Parameters of fused attention over whole prompts."""


@dataclass(frozen=True)
class Problem:
    """A curve and what it is fitted to.

    Attributes:
        ranges: its parameters.
        predict: seconds of every n-th measurement by parameters.
        seconds: measured.
        origin: where the measurements lie.
        note: what is subtracted from them.
        stride: every n-th measurement is fitted to; errors are over all.
        short: weight of kernels under 50 microseconds.
        usual: which measurements are of sizes that serving mostly has, for kernels that make tokens.
        fixed: parameters that are given, which ``predict`` knows.
    """

    ranges: tuple[Range, ...]
    predict: Callable[[Values, int], Any]
    seconds: Any
    origin: Origin
    note: str = ""
    stride: int = 1
    short: float = SHORT_WEIGHT
    usual: Any = None
    fixed: Mapping[str, int] = field(default_factory=dict)

    def solve(self) -> Values:
        """The parameters that fit best."""
        every = slice(None, None, self.stride)
        return {
            **fitted(self.ranges, lambda v: self.predict(v, self.stride), self.seconds[every], self.short),
            **self.fixed,
        }

    def fit(self, values: Values) -> dict[str, Any]:
        """Where the measurements lie and how well parameters meet them."""
        mine = {r.name: values[r.name] for r in self.ranges}
        told = ", ".join(part for part in (self.origin.note, self.note) if part)
        where = {"table": self.origin.table, "kernels": list(self.origin.kernels), "note": told}
        return {**where, **errors(self.predict(mine, 1), self.seconds, self.usual)}
