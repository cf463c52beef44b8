"""How far the constants of a parametric law may be off, carried through to its answers.

The covariance of ``ln A``, ``ln B``, ``ln E``, ``alpha`` and ``beta`` (a bootstrap) gives the standard deviation of
every answer by its derivatives (delta method). Parameters and tokens of an optimum are log-normal then, losses
normal.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

from weighbridge.laws.law import Allocation
from weighbridge.laws.parametric import Matrix, Parametric
from weighbridge.sums import summed

LEVEL = 0.8
"""Probability of an interval: from the 10th to the 90th percentile, as Hoffmann et al. and Besiroglu et al. report."""


@dataclass(frozen=True)
class Interval:
    """From the lowest to the highest value that the constants' uncertainty leaves likely."""

    low: float
    high: float


@dataclass(frozen=True)
class Intervals:
    """Of an answer.

    Attributes:
        parameters: of the optimum.
        tokens: of the optimum.
        ratio: tokens per parameter of the optimum.
        loss: predicted.
    """

    parameters: Interval
    tokens: Interval
    ratio: Interval
    loss: Interval


def deviation(gradient: tuple[float, ...], covariance: Matrix) -> float:
    """The standard deviation of a figure with that gradient."""
    rows = (summed(c * g for c, g in zip(row, gradient, strict=True)) for row in covariance)
    return math.sqrt(max(0.0, summed(r * g for r, g in zip(rows, gradient, strict=True))))


def of_size(law: Parametric, compute: float) -> tuple[float, ...]:
    """The gradient of the logarithm of optimal parameters."""
    products = math.log(compute / law.flops_per)
    both, size = law.alpha + law.beta, math.log(law.optimum(compute).parameters)
    return (1 / both, -1 / both, 0.0, (1 / law.alpha - size) / both, (products - 1 / law.beta - size) / both)


def of_loss(law: Parametric, model: Allocation) -> tuple[float, ...]:
    """The gradient of the loss of a model; of an optimum too, where the loss does not change with the allocation."""
    size, data = math.log(model.parameters), math.log(model.tokens)
    from_size = law.a * math.exp(-law.alpha * size)
    from_data = law.b * math.exp(-law.beta * data)
    return (from_size, from_data, law.e, -from_size * size, -from_data * data)


def intervals(law: Parametric, compute: float, model: Allocation | None = None) -> Intervals | None:
    """Intervals of a budget's optimum, and of the loss of a model (by default the optimum).

    ``None`` for a law whose uncertainty is not known.
    """
    if law.covariance is None:
        return None
    best = law.optimum(compute)
    wide = NormalDist().inv_cdf(0.5 + LEVEL / 2)
    size = wide * deviation(of_size(law, compute), law.covariance)
    loss = law.loss(*((model or best).parameters, (model or best).tokens))
    off = wide * deviation(of_loss(law, model or best), law.covariance)
    per = best.tokens / best.parameters
    return Intervals(
        _factor(best.parameters, size),
        _factor(best.tokens, size),
        _factor(per, 2 * size),
        Interval(loss - off, loss + off),
    )


def _factor(value: float, logarithm: float) -> Interval:
    return Interval(value * math.exp(-logarithm), value * math.exp(logarithm))
