"""DeepSeek LLM 2024: optimal non-embedding FLOPs per token and tokens, batch size and learning rate.

arXiv:2401.02954, eq. 1 and 4. Its model scale ``M`` is FLOPs per token with attention and without the vocabulary, and
``C = M D`` (eq. 2). ``M / 6`` stands where other laws have parameters; it is above the non-embedding parameters by
attention, 8 % for a model of 64B (table 3).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from weighbridge.arithmetic import power
from weighbridge.laws.frontier import Frontier
from weighbridge.laws.law import TRAINING_FLOPS, Extra, Fitted, Span


@dataclass(frozen=True, kw_only=True)
class DeepSeek(Frontier):
    """The frontier, with batch size and learning rate.

    Attributes:
        batch_scale: tokens of the optimal batch of a budget of one FLOP.
        batch_exponent: with which the batch grows with the budget.
        rate_scale: optimal learning rate of a budget of one FLOP.
        rate_exponent: with which it changes.
    """

    counts: ClassVar[str] = "M / 6"

    batch_scale: float
    batch_exponent: float
    rate_scale: float
    rate_exponent: float

    def extras(self, compute: float) -> tuple[Extra, ...]:
        return (
            Extra("non-embedding FLOPs per token", self.flops_per * self.optimum(compute).parameters, "FLOPs"),
            Extra("batch size", self.batch_scale * power(compute, self.batch_exponent), "tokens"),
            Extra("learning rate", self.rate_scale * power(compute, self.rate_exponent), ""),
        )


DEEPSEEK = DeepSeek(
    name="deepseek",
    title="DeepSeek LLM 2024",
    source="arXiv:2401.02954, eq. 4 (M = 0.1715 C**0.5243, D = 5.8316 C**0.4757) and eq. 1",
    data="DeepSeek's own, Chinese and English",
    fitted=Fitted("section 3.2: 1e17 to 3e20 FLOPs (batch and rate, section 3.1: to 2e19)", Span(1e17, 3e20)),
    note="parameters are M / 6, non-embedding FLOPs per token over six",
    budget=1.0,
    size=0.1715 / TRAINING_FLOPS,
    exponent=0.5243,
    batch_scale=0.2920,
    batch_exponent=0.3271,
    rate_scale=0.3118,
    rate_exponent=-0.1250,
)
