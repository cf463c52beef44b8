"""Laws that give the compute-optimal allocation as a power of the budget, without a loss for other allocations."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from weighbridge.arithmetic import power, ratio
from weighbridge.laws.law import Allocation, Law
from weighbridge.sums import summed
from weighbridge.traced import Label, named


@dataclass(frozen=True, kw_only=True)
class Frontier(Law):
    """``N = N0 (C / C0)**a``, and the tokens that the budget then leaves.

    Attributes:
        budget: ``C0``, a budget in FLOPs at which the optimum is known.
        size: ``N0``, its parameters.
        exponent: ``a``.
    """

    budget: float
    size: float
    exponent: float

    def symbol_of(self, field: str) -> str:
        """Fields under the names that papers give them."""
        return {"budget": "C_0", "size": "N_0", "exponent": "a"}.get(field, field)

    def _label(self, symbol: str) -> Label:
        known = {"N": ("parameters", "compute-optimal"), "D": ("tokens", "that the budget leaves")}
        return Label(symbol, *known[symbol], self.source)

    def optimum(self, compute: float) -> Allocation:
        parameters = named(self.size * power(ratio(compute, self.budget), self.exponent), self._label("N"))
        return Allocation(parameters, named(self.tokens_within(compute, parameters), self._label("D")))

    def budget_for_parameters(self, parameters: float) -> float:
        return self.budget * power(ratio(parameters, self.size), ratio(1, self.exponent))

    def budget_for_tokens(self, tokens: float) -> float:
        first = self.tokens_within(self.budget, self.size)
        return self.budget * power(ratio(tokens, first), ratio(1, 1 - self.exponent))


def line_through(rows: Sequence[tuple[float, float]]) -> tuple[float, float, float]:
    """The power law through published optima: ``(C0, N0, a)``, by least squares of the logarithms.

    Args:
        rows: parameters and FLOPs of published optima. The line passes through their geometric means.
    """
    sizes = [math.log(parameters) for parameters, _ in rows]
    budgets = [math.log(compute) for _, compute in rows]
    size, budget = summed(sizes) / len(rows), summed(budgets) / len(rows)
    spread = summed((c - budget) ** 2 for c in budgets)
    slope = summed((c - budget) * (n - size) for n, c in zip(sizes, budgets, strict=True)) / spread
    return math.exp(budget), math.exp(size), slope
