"""Krajewski et al. 2024: mixtures of experts, whose experts may be finer than a feed-forward layer.

arXiv:2402.07871. The loss (eq. 9) is in all parameters, tokens and granularity ``G`` (how many times finer an expert
is than the dense layer). Routing costs FLOPs that grow with ``G`` (eq. 10), so the best ``G`` grows with the budget.
The optimum has no closed form: for every power of two as granularity, bisection finds the size where the loss stops
falling.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

from weighbridge.arithmetic import power, ratio
from weighbridge.laws.law import TRAINING_FLOPS, Allocation, Extra, Fitted, Law, Span
from weighbridge.laws.solve import near_root, rising_root

ROUTING_FLOPS = 14.0
"""``c_r``: FLOPs per weight of the router and token, forward and backward (appendix E)."""

WIDTH_PER_BLOCK = 64.0
"""``d_model = 64 n_blocks`` (section 6.1)."""

DENSE_WEIGHTS = 12.0
"""Active weights of a block, as a multiple of ``d_model**2`` (eq. 10)."""

GRANULARITIES: tuple[int, ...] = tuple(1 << doubled for doubled in range(11))

SMALLEST, LARGEST = 1e-12, 1e40
"""Active parameters between which sizes are looked for."""

BUDGETS = (1.0, 1e45)
"""FLOPs between which a budget is looked for."""


@dataclass(frozen=True, kw_only=True)
class Krajewski(Law):
    """The law of fine-grained experts.

    Parameters are the active ones of blocks, without embeddings.

    Attributes:
        experts: ``E``, how many times the parameters of the feed-forward layers exceed the active ones.
        c: the loss that neither parameters nor tokens take away.
        a: the weight of the term of parameters for experts without end finer.
        alpha: exponent of all parameters.
        b: the weight of the term of tokens.
        beta: exponent of tokens.
        g: what coarse experts add to ``a``.
        gamma: exponent of granularity.
    """

    counts: ClassVar[str] = "active parameters"

    experts: float
    c: float
    a: float
    alpha: float
    b: float
    beta: float
    g: float
    gamma: float

    def closed(self, compute: float) -> bool:
        return False

    def total_parameters(self, parameters: float) -> float:
        """``d**2 (8 E + 4) n`` where the active are ``12 d**2 n`` (section 6.1)."""
        return parameters * ratio(8 * self.experts + 4, DENSE_WEIGHTS)

    def width(self, parameters: float) -> float:
        """``d_model`` of a model of so many active parameters, 64 times as wide as it has blocks."""
        return power(ratio(parameters * WIDTH_PER_BLOCK, DENSE_WEIGHTS), ratio(1, 3))

    def flops_per_token(self, parameters: float, granularity: float) -> float:
        """Training FLOPs per token, routing included (eq. 10)."""
        width = self.width(parameters)
        router = width * ratio(width, WIDTH_PER_BLOCK) * self.experts * granularity
        return TRAINING_FLOPS * parameters + ROUTING_FLOPS * router

    def loss_of(self, parameters: float, tokens: float, granularity: float) -> float:
        """Predicted loss (eq. 9)."""
        size = power(self.total_parameters(parameters), self.alpha)
        return self.c + ratio(self._weight(granularity), size) + ratio(self.b, power(tokens, self.beta))

    def compute(self, parameters: float, tokens: float) -> float:
        return self.flops_per_token(parameters, self.granularity(parameters, tokens)) * tokens

    def tokens_within(self, compute: float, parameters: float) -> float:
        """Tokens that a budget trains a model on, with the granularity that is best for it."""
        return min(
            (self._loss_within(compute, parameters, g), self._tokens(compute, parameters, g)) for g in GRANULARITIES
        )[1]

    def parameters_within(self, compute: float, tokens: float) -> float:
        return rising_root(lambda size: self.compute(size, tokens) - compute, SMALLEST, LARGEST)

    def budget_for_parameters(self, parameters: float) -> float:
        return rising_root(lambda budget: self.optimum(budget).parameters - parameters, *BUDGETS)

    def budget_for_tokens(self, tokens: float) -> float:
        return rising_root(lambda budget: self.optimum(budget).tokens - tokens, *BUDGETS)

    def budget_for_loss(self, loss: float) -> float | None:
        low, high = BUDGETS
        if not self.least_loss(high) < loss < self.least_loss(low):
            return None
        return rising_root(lambda budget: loss - self.least_loss(budget), low, high)

    def _tokens(self, compute: float, parameters: float, granularity: float) -> float:
        return ratio(compute, self.flops_per_token(parameters, granularity))

    def _loss_within(self, compute: float, parameters: float, granularity: float) -> float:
        return self.loss_of(parameters, self._tokens(compute, parameters, granularity), granularity)

    def _slope(self, compute: float, parameters: float, granularity: float) -> float:
        """How the loss rises with the logarithm of parameters where compute is fixed.

        Tokens fall as ``1/N`` for the blocks and as ``N**(-2/3)`` for the router.
        """
        blocks = ratio(TRAINING_FLOPS * parameters, self.flops_per_token(parameters, granularity))
        tokens = self._tokens(compute, parameters, granularity)
        of_size = self.alpha * ratio(self._weight(granularity), power(self.total_parameters(parameters), self.alpha))
        return self.beta * ratio(self.b, power(tokens, self.beta)) * ratio(2 + blocks, 3) - of_size

    def _weight(self, granularity: float) -> float:
        return ratio(self.g, power(granularity, self.gamma)) + self.a

    def granularity(self, parameters: float, tokens: float) -> int:
        """The granularity that is best for the FLOPs that the model takes with it."""
        chosen: int = GRANULARITIES[0]
        for _ in GRANULARITIES:
            compute = self.flops_per_token(parameters, chosen) * tokens
            best = min(GRANULARITIES, key=lambda g: self._loss_within(compute, parameters, g))
            if best == chosen:
                break
            chosen = best
        return chosen

    def loss(self, parameters: float, tokens: float) -> float:
        return self.loss_of(parameters, tokens, self.granularity(parameters, tokens))

    @lru_cache(maxsize=4096)  # noqa: B019 - laws live as long as the program
    def best(self, compute: float) -> tuple[Allocation, int]:
        """The optimum of a budget and its granularity."""

        def least(granularity: int) -> float:
            size = near_root(lambda n: self._slope(compute, n, granularity), SMALLEST, LARGEST)
            return self._loss_within(compute, size, granularity)

        granularity = min(GRANULARITIES, key=least)
        parameters = rising_root(lambda n: self._slope(compute, n, granularity), SMALLEST, LARGEST)
        return Allocation(parameters, self._tokens(compute, parameters, granularity)), granularity

    def optimum(self, compute: float) -> Allocation:
        return self.best(compute)[0]

    def least_loss(self, compute: float) -> float:
        best, granularity = self.best(compute)
        return self.loss_of(best.parameters, best.tokens, granularity)

    def extras(self, compute: float) -> tuple[Extra, ...]:
        best, granularity = self.best(compute)
        return (
            Extra("granularity", granularity, ""),
            Extra("all parameters", self.total_parameters(best.parameters), "parameters"),
        )


KRAJEWSKI = Krajewski(
    name="krajewski",
    title="Krajewski et al. 2024 (mixture of experts)",
    source="arXiv:2402.07871, table 1 (MoE), eq. 9 and 10",
    data="C4",
    fitted=Fitted(
        "tables 3 and 4: 3M to 85M active parameters, 16B to 130B tokens", None, Span(3e6, 85e6), Span(16e9, 130e9)
    ),
    note="active parameters of 64-fold experts; the best of granularities 1, 2, 4 ... 1,024",
    experts=64,
    c=0.47,
    a=18.1,
    alpha=0.115,
    b=30.8,
    beta=0.147,
    g=2.1,
    gamma=0.58,
)
