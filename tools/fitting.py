"""Least squares over logarithms: parameters of a curve from sizes and measured seconds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import least_squares

LONG = 50e-6
"""Seconds from which a kernel is long: what matters in training."""

SHORT_WEIGHT = 0.25
"""Weight of the error of shorter kernels, which are there to hold launch and bandwidth."""

OUTLIER = 0.05
"""Relative error from which the loss grows linearly instead of quadratically: kernels picked badly by a library's
heuristic shall not bend the curve."""

DIGITS = 4
"""Significant digits of parameters that are written down."""


@dataclass(frozen=True)
class Range:
    """A parameter: where it starts, and what it may be."""

    name: str
    start: float
    low: float
    high: float


def rounded(value: float) -> float:
    """A parameter as it is written down."""
    return float(f"{value:.{DIGITS}g}")


def fitted(
    ranges: Sequence[Range], predict: Callable[[dict[str, float]], Any], seconds: Any, short: float = SHORT_WEIGHT
) -> dict[str, float]:
    """The parameters whose prediction is nearest to ``seconds``, rounded; short kernels weigh ``short``.

    Three descents from different starts; the best counts.
    """
    low, high = (np.array([getattr(r, side) for r in ranges]) for side in ("low", "high"))
    span = high - low
    weight = np.where(seconds > LONG, 1.0, short)

    def named(unit: Any) -> dict[str, float]:
        return {r.name: float(v) for r, v in zip(ranges, low + span * unit, strict=True)}

    def error(unit: Any) -> Any:
        return weight * (np.log(predict(named(unit))) - np.log(seconds))

    first = (np.array([r.start for r in ranges]) - low) / span
    tries = [_least(error, start) for start in (first, 0.5 * first, 0.5 + 0.5 * first)]
    found = min(tries, key=lambda one: float(one.cost))
    return {name: rounded(value) for name, value in named(found.x).items()}


def _least(error: Callable[[Any], Any], start: Any) -> Any:
    """One descent, from parameters as shares of their ranges."""
    return least_squares(
        error, start, bounds=(0, 1), loss="soft_l1", f_scale=OUTLIER, max_nfev=80, diff_step=1e-4, ftol=1e-6, xtol=1e-6
    )


def errors(predicted: Any, seconds: Any, usual: Any = None) -> dict[str, float | int]:
    """How well a prediction meets measurements: over all rows, over the long ones, and over those of usual sizes."""
    relative = np.abs(predicted / seconds - 1)
    long = relative[seconds > LONG]
    found = {**_of(relative), **{f"long_{name}": value for name, value in _of(long).items()}}
    if usual is not None:
        found |= {f"usual_{name}": value for name, value in _of(relative[usual]).items()}
    return found


def _of(relative: Any) -> dict[str, float | int]:
    """Number, median and ninth decile of relative errors; zeros of none."""
    if not len(relative):
        return {"rows": 0, "median": 0.0, "p90": 0.0}
    median, p90 = (round(float(np.quantile(relative, share)), 4) for share in (0.5, 0.9))
    return {"rows": len(relative), "median": median, "p90": p90}
