"""The JSON contract of a law that was fitted to runs."""

from __future__ import annotations

from typing_extensions import TypedDict  # pydantic reads typing's own only from Python 3.12 on

from weighbridge.estimate.law_fit import Fit
from weighbridge.laws.parametric import Parametric
from weighbridge.laws.uncertainty import LEVEL
from weighbridge.report.scaling_schema import ScalingLaw, ScalingSpan, law_as_data, span


class FittedConstant(TypedDict):
    """A constant of a fitted law, with its interval over the draws."""

    value: float
    interval: ScalingSpan | None


class FittedLaw(TypedDict):
    """``weighbridge scaling fit --json``; ``weighbridge scaling --law FILE.json`` reads it."""

    law: ScalingLaw
    constants: dict[str, FittedConstant]
    optimal_exponents: dict[str, FittedConstant]
    covariance: list[list[float]] | None
    level: float
    runs: int
    draws: int
    seed: int
    starts: int
    starts_agreeing: int
    objective: float
    relative_error: float


def fitted(found: Fit) -> FittedLaw:
    """A fitted law as plain data."""
    covariance = found.law.covariance
    return {
        "law": law_as_data(found.law),
        "constants": {name: _constant(found, name) for name in ("e", "a", "b", "alpha", "beta")},
        "optimal_exponents": {
            "parameters": {"value": found.law.exponent, "interval": span(found.interval(_exponent))},
            "tokens": {
                "value": 1 - found.law.exponent,
                "interval": span(found.interval(lambda law: 1 - law.exponent)),
            },
        },
        "covariance": None if covariance is None else [list(row) for row in covariance],
        "level": LEVEL,
        "runs": len(found.runs),
        "draws": len(found.draws),
        "seed": found.seed,
        "starts": found.starts,
        "starts_agreeing": found.agreeing,
        "objective": found.objective,
        "relative_error": found.error,
    }


def _exponent(law: Parametric) -> float:
    return law.exponent


def _constant(found: Fit, name: str) -> FittedConstant:
    interval = found.interval(lambda law: float(getattr(law, name)))
    return {"value": float(getattr(found.law, name)), "interval": span(interval)}
