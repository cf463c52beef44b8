"""The JSON contract of scaling laws, and what they say as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from typing_extensions import TypedDict  # pydantic reads typing's own only from Python 3.12 on

from weighbridge.estimate.middle import Middle
from weighbridge.estimate.scaling import Answer, Scaling
from weighbridge.estimate.training_cost import Cost
from weighbridge.laws import ONLY_WITH
from weighbridge.laws.law import Allocation, Law, Span
from weighbridge.laws.sardana import Lifetime
from weighbridge.laws.uncertainty import LEVEL, Interval, Intervals
from weighbridge.report.curves import Frontier, budgets, frontier, valley


class ScalingQuestion(TypedDict):
    """What was asked; null for what was not given. ``compute`` is given, or what days or dollars come to."""

    compute: float | None
    days: float | None
    dollars: float | None
    parameters: float | None
    tokens: float | None
    inference_tokens: float | None
    unique_tokens: float | None


class ScalingSpan(TypedDict):
    """From the least to the largest value."""

    low: float
    high: float


class ScalingFitted(TypedDict):
    """The runs that a law was fitted on; null for what its paper does not say."""

    compute: ScalingSpan | None
    parameters: ScalingSpan | None
    tokens: ScalingSpan | None
    source: str


class ScalingLaw(TypedDict):
    """A scaling law."""

    name: str
    title: str
    source: str
    data: str
    parameters_counted: str
    flops_per_parameter_and_token: float
    constants: dict[str, float]
    fitted: ScalingFitted
    note: str
    only_with: str | None


class ScalingModel(TypedDict):
    """A model's size and what it is trained on."""

    parameters: float
    tokens: float
    loss: float | None


class ScalingOutside(TypedDict):
    """A quantity outside the runs that the law was fitted on."""

    quantity: str
    times: float
    far: bool


class ScalingIntervals(TypedDict):
    """What the uncertainty of the constants leaves likely: of the optimum, and of the loss."""

    level: float
    parameters: ScalingSpan
    tokens: ScalingSpan
    tokens_per_parameter: ScalingSpan
    loss: ScalingSpan


class ScalingLifetime(TypedDict):
    """The model of least compute over training and inference, at equal loss."""

    inference_tokens: float
    parameters: float
    tokens: float
    training_flops: float
    total_flops: float
    reference_total_flops: float
    saved: float


class ScalingCost(TypedDict):
    """What training takes on the cluster."""

    cluster: str
    mfu: float
    precision: str
    dollars_per_gpu_hour: float | None
    seconds: float
    days: float
    gpu_hours: float
    dollars: float | None
    flops_per_day: float
    flops_per_dollar: float | None


class ScalingAnswer(TypedDict):
    """What one law says."""

    law: ScalingLaw
    compute: float
    parameters: float
    tokens: float
    tokens_per_parameter: float
    total_parameters: float | None
    loss: float | None
    passes: float | None
    optimum: ScalingModel | None
    equal_loss_compute: float | None
    equal_loss_share: float | None
    outside: list[ScalingOutside]
    far_outside: bool
    intervals: ScalingIntervals | None
    lifetime: ScalingLifetime | None
    cost: ScalingCost | None
    extras: dict[str, float]
    explainable: list[str]


class ScalingMiddle(TypedDict):
    """A figure over the laws: the least, the median, the largest."""

    low: float
    middle: float
    high: float


class ScalingOver(TypedDict):
    """What the laws say together."""

    parameters: ScalingMiddle
    tokens: ScalingMiddle
    times_optimal: ScalingMiddle | None


class ScalingReport(TypedDict):
    """``weighbridge scaling --json``. ``unrepeated``: laws that take more tokens than there are, without repetition."""

    question: ScalingQuestion
    over_laws: ScalingOver
    answers: list[ScalingAnswer]
    unrepeated: list[str]


class ScalingLaws(TypedDict):
    """``weighbridge scaling laws --json``."""

    laws: list[ScalingLaw]


def scaling(result: Scaling) -> ScalingReport:
    """What laws say, as plain data."""
    asked = result.question
    return {
        "question": {
            "compute": asked.compute,
            "days": asked.days,
            "dollars": asked.dollars,
            "parameters": asked.parameters,
            "tokens": asked.tokens,
            "inference_tokens": asked.inference_tokens,
            "unique_tokens": asked.unique_tokens,
        },
        "over_laws": {
            "parameters": _middle(result.parameters),
            "tokens": _middle(result.tokens),
            "times_optimal": None if result.times_optimal is None else _middle(result.times_optimal),
        },
        "answers": [_answer(answer) for answer in result.answers],
        "unrepeated": result.unrepeated,
    }


def _middle(of: Middle) -> ScalingMiddle:
    return {"low": of.low, "middle": of.middle, "high": of.high}


class ScalingFrontier(TypedDict):
    """The optimum of one law at each budget."""

    law: str
    parameters: list[float]
    tokens: list[float]
    inside: list[bool]
    intervals: list[ScalingIntervals]


class ScalingValley(TypedDict):
    """Loss of one law by parameters, all at the compute of its answer."""

    law: str
    parameters: list[float]
    losses: list[float]
    best_parameters: float
    least_loss: float


class ScalingCurves(TypedDict):
    """What ``--plot`` draws."""

    compute: list[float]
    frontiers: list[ScalingFrontier]
    valleys: list[ScalingValley]


def curves(result: Scaling) -> ScalingCurves:
    """The curves of a question's laws."""
    compute = budgets(result)
    found = [(answer.law.name, frontier(answer.law, compute), valley(answer)) for answer in result.answers]
    return {
        "compute": list(compute),
        "frontiers": [_frontier(front) for _, front, _ in found],
        "valleys": [
            {
                "law": name,
                "parameters": list(one.parameters),
                "losses": list(one.losses),
                "best_parameters": one.best,
                "least_loss": one.least,
            }
            for name, _, one in found
            if one is not None
        ],
    }


def _frontier(front: Frontier) -> ScalingFrontier:
    return {
        "law": front.law.name,
        "parameters": list(front.parameters),
        "tokens": list(front.tokens),
        "inside": list(front.inside),
        "intervals": [_likely(one) for one in front.intervals],
    }


def laws(found: Sequence[Law]) -> ScalingLaws:
    """Laws as plain data."""
    return {"laws": [law_as_data(law) for law in found]}


def _answer(answer: Answer) -> ScalingAnswer:
    return {
        "law": law_as_data(answer.law),
        "compute": answer.compute,
        "parameters": answer.model.parameters,
        "tokens": answer.model.tokens,
        "tokens_per_parameter": answer.tokens_per_parameter,
        "total_parameters": answer.law.total_parameters(answer.model.parameters),
        "loss": answer.loss,
        "passes": answer.passes,
        "optimum": _model(answer.best, answer.best_loss),
        "equal_loss_compute": answer.equal_budget,
        "equal_loss_share": answer.equal_share,
        "outside": [{"quantity": o.quantity, "times": o.times, "far": o.far} for o in answer.outside],
        "far_outside": answer.far,
        "intervals": _intervals(answer.intervals),
        "lifetime": _lifetime(answer.lifetime),
        "cost": _cost(answer.cost),
        "extras": {
            extra.name.lower().replace(" ", "_").replace("-", "_"): float(extra.value) for extra in answer.extras
        },
        "explainable": list(answer.explainable),
    }


def law_as_data(law: Law) -> ScalingLaw:
    """A law."""
    return {
        "name": law.name,
        "title": law.title,
        "source": law.source,
        "data": law.data,
        "parameters_counted": law.counts,
        "flops_per_parameter_and_token": float(law.flops_per),
        "constants": {name: float(value) for name, value in law.constants().items()},
        "fitted": {
            "compute": span(law.fitted.compute),
            "parameters": span(law.fitted.parameters),
            "tokens": span(law.fitted.tokens),
            "source": law.fitted.source,
        },
        "note": law.note,
        "only_with": ONLY_WITH.get(law.name),
    }


def span(found: Span | Interval | None) -> ScalingSpan | None:
    """The ends of a span."""
    return None if found is None else {"low": float(found.low), "high": float(found.high)}


def _model(model: Allocation | None, loss: float | None) -> ScalingModel | None:
    return None if model is None else {"parameters": model.parameters, "tokens": model.tokens, "loss": loss}


def _intervals(found: Intervals | None) -> ScalingIntervals | None:
    return None if found is None else _likely(found)


def _likely(found: Intervals) -> ScalingIntervals:
    spans: Any = {name: span(getattr(found, name)) for name in ("parameters", "tokens", "loss")}
    return cast(ScalingIntervals, {"level": LEVEL, "tokens_per_parameter": span(found.ratio), **spans})


def _lifetime(found: Lifetime | None) -> ScalingLifetime | None:
    if found is None:
        return None
    return {
        "inference_tokens": found.served,
        "parameters": found.best.parameters,
        "tokens": found.best.tokens,
        "training_flops": found.law.compute(found.best.parameters, found.best.tokens),
        "total_flops": found.flops(found.best),
        "reference_total_flops": found.flops(found.reference),
        "saved": found.saved,
    }


def _cost(cost: Cost | None) -> ScalingCost | None:
    if cost is None:
        return None
    return {
        "cluster": str(cost.rate.cluster),
        "mfu": cost.rate.mfu,
        "precision": cost.rate.precision,
        "dollars_per_gpu_hour": cost.rate.price,
        "seconds": cost.seconds,
        "days": cost.days,
        "gpu_hours": cost.gpu_hours,
        "dollars": cost.dollars,
        "flops_per_day": cost.rate.flops_per_day,
        "flops_per_dollar": cost.rate.flops_per_dollar,
    }
