"""The curves of scaling laws that pictures show: optima by compute, loss by parameters at equal compute."""

from __future__ import annotations

import math
from dataclasses import dataclass

from weighbridge.estimate.scaling import Answer, Scaling
from weighbridge.laws.law import Allocation, Law
from weighbridge.laws.parametric import Parametric
from weighbridge.laws.uncertainty import Intervals, intervals

POINTS = 120
"""Of a curve."""


@dataclass(frozen=True)
class Frontier:
    """The optimum of one law by training compute.

    Attributes:
        law: which.
        parameters: at each of the budgets.
        tokens: at each of the budgets.
        inside: whether each optimum lies within the runs that the law was fitted on.
        intervals: that the uncertainty of the constants leaves likely; empty where it is not known.
    """

    law: Law
    parameters: tuple[float, ...]
    tokens: tuple[float, ...]
    inside: tuple[bool, ...]
    intervals: tuple[Intervals, ...]


@dataclass(frozen=True)
class Valley:
    """Loss of one law by parameters, all at the compute of its answer.

    Attributes:
        parameters: of the models.
        losses: of each.
        best: parameters of the optimum.
        least: its loss.
    """

    parameters: tuple[float, ...]
    losses: tuple[float, ...]
    best: float
    least: float


def spread(low: float, high: float, points: int = POINTS) -> tuple[float, ...]:
    """Numbers from one to another, equally far apart on a logarithmic axis."""
    step = math.log(high / low) / (points - 1)
    return tuple(low * math.exp(i * step) for i in range(points))


def budgets(result: Scaling) -> tuple[float, ...]:
    """Training compute from the smallest fitted run to ten times what was asked about."""
    asked = [answer.compute for answer in result.answers]
    fitted = [s.low for a in result.answers if (s := a.law.fitted.compute) is not None]
    return spread(min([*fitted, min(asked) / 1e3]), max(asked) * 10)


def frontier(law: Law, compute: tuple[float, ...]) -> Frontier:
    """The optimum of a law at each budget."""
    best = [law.optimum(budget) for budget in compute]
    likely = [intervals(law, budget) for budget in compute] if isinstance(law, Parametric) else []
    return Frontier(
        law,
        tuple(one.parameters for one in best),
        tuple(one.tokens for one in best),
        tuple(_inside(law, *one) for one in zip(compute, best, strict=True)),
        tuple(one for one in likely if one is not None),
    )


def _inside(law: Law, compute: float, best: Allocation) -> bool:
    """Whether an optimum lies within the runs of a law."""
    of = law.fitted
    spans = ((of.compute, compute), (of.parameters, best.parameters), (of.tokens, best.tokens))
    return all(span is None or span.holds(value) for span, value in spans)


def valley(answer: Answer) -> Valley | None:
    """Sizes around the optimum, their losses at equal compute, and the optimum; ``None`` for a law without them."""
    law, compute = answer.law, answer.compute
    best = answer.best or answer.model
    least = law.least_loss(compute)
    if law.loss(best.parameters, best.tokens) is None or least is None:
        return None
    ends = (best.parameters, answer.model.parameters)
    sizes = spread(min(ends) / 10, max(ends) * 10)
    losses = ((size, law.loss(size, law.tokens_within(compute, size))) for size in sizes)
    known = [(size, loss) for size, loss in losses if loss is not None]
    return Valley(tuple(size for size, _ in known), tuple(loss for _, loss in known), best.parameters, least)
