"""A curve and the measurements that it is fitted to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tools.fitting import SHORT_WEIGHT, Range, errors, fitted
from tools.tables import Origin

Values = dict[str, float]


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
    """

    ranges: tuple[Range, ...]
    predict: Callable[[Values, int], Any]
    seconds: Any
    origin: Origin
    note: str = ""
    stride: int = 1
    short: float = SHORT_WEIGHT
    usual: Any = None

    def solve(self) -> Values:
        """The parameters that fit best."""
        return fitted(self.ranges, lambda v: self.predict(v, self.stride), self.seconds[:: self.stride], self.short)

    def fit(self, values: Values) -> dict[str, Any]:
        """Where the measurements lie and how well parameters meet them."""
        mine = {r.name: values[r.name] for r in self.ranges}
        told = ", ".join(part for part in (self.origin.note, self.note) if part)
        where = {"table": self.origin.table, "kernels": list(self.origin.kernels), "note": told}
        return {**where, **errors(self.predict(mine, 1), self.seconds, self.usual)}
