"""Muennighoff et al. 2023: data that are repeated, and parameters in excess of them, are worth less and less.

arXiv:2305.16264. ``U`` unique tokens read ``1 + R_D`` times are worth ``U + U R*_D (1 - exp(-R_D / R*_D))`` fresh
ones (eq. 5 and appendix A), and parameters beyond those that ``U`` tokens are optimal for decay alike. Up to ``U``
tokens it is the parametric law of C4. The optimum under repetition has no closed form; it is found by a scan and
golden section.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from weighbridge.arithmetic import exponential, maximum, minimum, ratio
from weighbridge.laws.law import Allocation, Fitted, Span
from weighbridge.laws.parametric import Parametric
from weighbridge.laws.solve import lowest, rising_root

WIDEST = 1e4
"""How far from the optimum without repetition the optimum with it is looked for: at most so many times smaller."""

FARTHEST = 1e12
"""Times the budget without repetition, up to which one with it is looked for."""


@dataclass(frozen=True, kw_only=True)
class Muennighoff(Parametric):
    """The parametric law with decay.

    Attributes:
        repeats: ``R*_D``, repetitions of tokens after which returns diminish sharply.
        excess: ``R*_N``, the same of parameters in excess.
        unique: tokens that there are; ``None`` for as many as are wanted.
    """

    repeats: float
    excess: float
    unique: float | None = None

    def closed(self, compute: float) -> bool:
        return self.unique is None or super().optimum(compute).tokens <= self.unique

    def effective_tokens(self, tokens: float, unique: float) -> float:
        """Fresh tokens that tokens read from so many unique ones are worth (eq. 5)."""
        once = minimum(tokens, unique)
        again = ratio(tokens, once) - 1
        return once + once * self.repeats * (1 - exponential(ratio(-1 * again, self.repeats)))

    def effective_parameters(self, parameters: float, tokens: float, unique: float) -> float:
        """Parameters that parameters are worth beside so many unique tokens (eq. 6 and appendix A)."""
        once = minimum(tokens, unique)
        fitting = self.optimum_of_tokens(once)
        used = minimum(parameters, fitting)
        again = maximum(ratio(parameters, used) - 1, 0.0)
        return used + used * self.excess * (1 - exponential(ratio(-1 * again, self.excess)))

    def optimum_of_tokens(self, tokens: float) -> float:
        """Parameters for which so many fresh tokens are optimal."""
        return ratio(self.budget_for_fresh(tokens), self.flops_per * tokens)

    def budget_for_fresh(self, tokens: float) -> float:
        """FLOPs of the budget whose optimum without repetition has so many tokens."""
        return super().budget_for_tokens(tokens)

    def loss(self, parameters: float, tokens: float) -> float:
        if self.unique is None:
            return super().loss(parameters, tokens)
        worth = self.effective_parameters(parameters, tokens, self.unique)
        return super().loss(worth, self.effective_tokens(tokens, self.unique))

    def optimum(self, compute: float) -> Allocation:
        fresh = super().optimum(compute)
        if self.unique is None or fresh.tokens <= self.unique:
            return fresh

        def at(parameters: float) -> float:
            return self.loss(parameters, self.tokens_within(compute, parameters))

        parameters = lowest(at, fresh.parameters / WIDEST, fresh.parameters * 2)
        return Allocation(parameters, self.tokens_within(compute, parameters))

    def budget_for_parameters(self, parameters: float) -> float:
        fresh = super().budget_for_parameters(parameters)
        return self._grown(fresh, lambda budget: self.optimum(budget).parameters / parameters - 1)

    def budget_for_tokens(self, tokens: float) -> float:
        fresh = super().budget_for_tokens(tokens)
        if self.unique is None or tokens <= self.unique:
            return fresh
        return _solved(lambda budget: self.optimum(budget).tokens / tokens - 1, fresh)

    def budget_for_loss(self, loss: float) -> float | None:
        fresh = super().budget_for_loss(loss)
        if fresh is None or self.unique is None:
            return fresh
        found = self._grown(fresh, lambda budget: 1 - (self.least_loss(budget) or 0) / loss)
        return found if math.isfinite(found) else None

    def _grown(self, fresh: float, rising: Callable[[float], float]) -> float:
        """A budget that repetition makes larger than it is without; infinite where no budget is enough."""
        if self.unique is None or super().optimum(fresh).tokens <= self.unique:
            return fresh
        return _solved(rising, fresh)


def _solved(rising: Callable[[float], float], start: float) -> float:
    """Where a rising function of a budget passes zero, from a first guess on; infinite where it never does."""
    low, high = start / 4, start
    while rising(low) > 0:
        low /= 16
    while rising(high) < 0:
        high *= 4
        if high > start * FARTHEST:
            return math.inf
    return rising_root(rising, low, high)


MUENNIGHOFF = Muennighoff(
    name="muennighoff",
    title="Muennighoff et al. 2023",
    source="arXiv:2305.16264, appendix A: a, b, e, alpha and beta of C4, R*_D and R*_N as its repository prints them",
    data="C4",
    fitted=Fitted("appendix A: 7M to 9B parameters; abstract: to 900B tokens", None, Span(7e6, 9e9), Span(1e8, 900e9)),
    a=math.exp(6.255414),
    b=math.exp(7.3049974),
    e=math.exp(0.6254804),
    alpha=0.3526596,
    beta=0.3526596,
    repeats=15.387756,
    excess=5.309743,
)
