"""Fitting one's own parametric law to runs, as Hoffmann et al. 2022 did, with bootstrap intervals.

The Huber loss (delta 1e-3) of the residuals of the logarithm of the loss is minimised by L-BFGS from every point of a
grid of starts; the best result counts (section 3.3 and appendix D.2). Residuals are summed, not averaged, and the sum
is scaled up: with an average, the optimizer stops before it has converged (Besiroglu et al. 2024). Runs are then
drawn again with replacement and fitted from the best result, which gives the intervals (Besiroglu et al. 2024).

Needs NumPy and SciPy (the optional extra ``fit``), which are imported when a fit is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from weighbridge.errors import InputError
from weighbridge.estimate.shown import Shown
from weighbridge.laws.law import TRAINING_FLOPS, Fitted, Span
from weighbridge.laws.parametric import Parametric
from weighbridge.laws.runs import Runs
from weighbridge.laws.uncertainty import LEVEL, Interval

DELTA = 1e-3
"""Where the Huber loss turns from a square into a line."""

GRID = (
    (0.0, 5.0, 10.0, 15.0, 20.0, 25.0),
    (0.0, 5.0, 10.0, 15.0, 20.0, 25.0),
    (-1.0, -0.5, 0.0, 0.5, 1.0),
    (0.0, 0.5, 1.0, 1.5, 2.0),
    (0.0, 0.5, 1.0, 1.5, 2.0),
)
"""Starts of ln A, ln B, ln E, alpha and beta (Hoffmann et al. 2022, appendix D.2): 4,500 of them."""

STARTS = 450
"""Starts that are used unless all are asked for: every tenth."""

DRAWS = 1000
"""Times that runs are drawn again."""

FEWEST_RUNS = 10
"""Runs that five constants need at least to be worth a fit: two each."""

LARGEST_LOGARITHM = 300.0
"""Of a weight: beyond, its term is nothing or all."""

LEAST_SHARE = 1e-3
"""Of a term in the loss of the run where it is largest, below which there is no such term."""

SCALE = 1 / DELTA**2
"""Factor of the sum that is minimised."""

Progress = Callable[[str, int, int], None]
"""Told what is done: the part, how many of how many."""


@dataclass(frozen=True)
class Fit(Shown):
    """A law fitted to runs.

    Attributes:
        law: the law, with the covariance of its constants where runs were drawn again.
        runs: that it was fitted to.
        objective: the sum of Huber losses at the best fit.
        error: root of the mean squared residual of the logarithm of the loss: a relative error.
        starts: of the optimizer.
        agreeing: starts that ended within a thousandth of the best objective.
        draws: constants fitted to runs drawn again: A, B, E, alpha, beta; only those that are a law.
        seed: of the drawing.
    """

    law: Parametric
    runs: Runs
    objective: float
    error: float
    starts: int
    agreeing: int
    draws: tuple[tuple[float, ...], ...]
    seed: int

    def interval(self, figure: Callable[[Parametric], float]) -> Interval | None:
        """The interval of a figure of the law over the draws; ``None`` without draws."""
        if not self.draws:
            return None
        values = sorted(figure(self.drawn(draw)) for draw in self.draws)
        last = len(values) - 1
        return Interval(values[round(last * (0.5 - LEVEL / 2))], values[round(last * (0.5 + LEVEL / 2))])

    def drawn(self, draw: tuple[float, ...]) -> Parametric:
        """The law of one draw."""
        a, b, e, alpha, beta = draw
        return _law(a, b, e, alpha, beta, self.law)


def fit_law(
    runs: Runs,
    starts: int = STARTS,
    bootstrap: int = DRAWS,
    seed: int = 0,
    name: str = "fitted",
    progress: Progress = lambda part, done, of: None,
) -> Fit:
    """Fit the parametric law to runs.

    Args:
        runs: at least ten.
        starts: of the grid, evenly chosen, up to all 4,500.
        bootstrap: how many times runs are drawn again; 0 for no intervals.
        seed: of the drawing.
        name: of the law.
        progress: is told what is done.

    Raises:
        InputError: for too few runs, without SciPy, or where no start converges.
    """
    numpy, minimize = _libraries()
    _check(runs)
    size, data, losses = (numpy.log(numpy.array(values)) for values in (runs.parameters, runs.tokens, runs.losses))
    chosen = _starts(starts)
    found = []
    for number, start in enumerate(chosen):
        found.append(_minimised(minimize, start, (numpy, size, data, losses)))
        progress("starts", number + 1, len(chosen))
    usable = [result for result in found if _sound(result.x) and numpy.isfinite(result.fun)]
    if not usable:
        raise InputError("runs: no start leads to a law whose loss falls with parameters and tokens")
    best = min(usable, key=lambda result: float(result.fun))
    _check_terms(_predicted(numpy, best.x, size, data)[1])
    generator = numpy.random.default_rng(seed)
    draws = []
    for number in range(bootstrap):
        rows = generator.integers(0, len(runs), len(runs))
        drawn = _minimised(minimize, best.x, (numpy, size[rows], data[rows], losses[rows])).x
        draws += [drawn] if _sound(drawn) else []
        progress("draws", number + 1, bootstrap)
    law = _named(best.x, runs, name, numpy.cov(numpy.array(draws).T) if len(draws) > 1 else None)
    residuals = _predicted(numpy, best.x, size, data)[0] - losses
    near = sum(float(result.fun) <= float(best.fun) * 1.001 + 1e-12 for result in usable)
    return Fit(
        law,
        runs,
        float(best.fun) / SCALE,
        float(numpy.sqrt(numpy.mean(residuals**2))),
        len(chosen),
        near,
        tuple(tuple(float(v) for v in (*numpy.exp(x[:3]), *x[3:])) for x in draws),
        seed,
    )


def _libraries() -> tuple[Any, Any]:
    try:
        import numpy
        from scipy.optimize import minimize
    except ImportError:
        raise InputError("a fit needs NumPy and SciPy: pip install weighbridge[fit]") from None
    return numpy, minimize


def _check(runs: Runs) -> None:
    if len(runs) < FEWEST_RUNS:
        raise InputError(f"runs: got {len(runs):,}; a fit of five constants needs at least {FEWEST_RUNS}")
    for name, values in (("parameters", runs.parameters), ("tokens", runs.tokens)):
        if len(set(values)) < 2:
            raise InputError(f"{name}: all runs have the same; a fit needs at least two different ones")


def _check_terms(shares: Any) -> None:
    """Refuse a fit that leaves nothing of a term: the losses do not fall with what it is of."""
    for name, share in zip(("parameters", "tokens"), shares, strict=False):
        if float(share.max()) < LEAST_SHARE:
            raise InputError(f"runs: their losses do not fall with {name}: the fit leaves nothing of that term")


def _starts(count: int) -> list[tuple[float, ...]]:
    """Points of the grid: all, or so many spread evenly over it."""
    import itertools

    grid: list[tuple[float, ...]] = list(itertools.product(*GRID))
    if count >= len(grid):
        return grid
    return [grid[(2 * i + 1) * len(grid) // (2 * count)] for i in range(count)]


def _sound(constants: Any) -> bool:
    """Whether constants are a law: finite weights, and a loss that falls with parameters and tokens."""
    return all(abs(value) < LARGEST_LOGARITHM for value in constants[:3]) and all(0 < v < 10 for v in constants[3:])


def _minimised(minimize: Any, start: Any, data: tuple[Any, ...]) -> Any:
    return minimize(
        _objective,
        start,
        args=data,
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 5000, "ftol": 1e-13, "gtol": 1e-6},
    )


def _predicted(numpy: Any, constants: Any, size: Any, data: Any) -> tuple[Any, Any]:
    """The logarithm of the loss, and the share that each of the three terms has in it."""
    a, b, e, alpha, beta = constants
    terms = numpy.stack([a - alpha * size, b - beta * data, numpy.full_like(size, e)])
    top = terms.max(axis=0)
    parts = numpy.exp(terms - top)
    whole = parts.sum(axis=0)
    return top + numpy.log(whole), parts / whole


def _objective(constants: Any, numpy: Any, size: Any, data: Any, losses: Any) -> tuple[float, Any]:
    """The sum of Huber losses, scaled, and its gradient."""
    predicted, shares = _predicted(numpy, constants, size, data)
    off = predicted - losses
    near = numpy.abs(off) <= DELTA
    value = numpy.where(near, off**2 / 2, DELTA * (numpy.abs(off) - DELTA / 2)).sum()
    slope = numpy.where(near, off, DELTA * numpy.sign(off))
    gradient = [
        (slope * shares[0]).sum(),
        (slope * shares[1]).sum(),
        (slope * shares[2]).sum(),
        -(slope * shares[0] * size).sum(),
        -(slope * shares[1] * data).sum(),
    ]
    return SCALE * float(value), SCALE * numpy.array(gradient)


def _named(constants: Any, runs: Runs, name: str, covariance: Any) -> Parametric:
    """The law of fitted constants, with the spans of its runs."""
    import math

    budgets = [TRAINING_FLOPS * n * d for n, d in zip(runs.parameters, runs.tokens, strict=True)]
    fitted = Fitted(f"{len(runs):,} runs of one's own", _span(budgets), _span(runs.parameters), _span(runs.tokens))
    ln_a, ln_b, ln_e, alpha, beta = (float(value) for value in constants)
    return Parametric(
        name=name,
        title=f"fitted to {len(runs):,} runs",
        source="fitted by weighbridge scaling fit",
        data="one's own",
        fitted=fitted,
        a=math.exp(ln_a),
        b=math.exp(ln_b),
        e=math.exp(ln_e),
        alpha=alpha,
        beta=beta,
        covariance=None if covariance is None else tuple(tuple(float(v) for v in row) for row in covariance),
    )


def _law(a: float, b: float, e: float, alpha: float, beta: float, like: Parametric) -> Parametric:
    from dataclasses import replace

    return replace(like, a=a, b=b, e=e, alpha=alpha, beta=beta, covariance=None)


def _span(values: Sequence[float]) -> Span:
    return Span(min(values), max(values))
