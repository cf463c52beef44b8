"""Fitting a law to runs: what made the runs is found again, outliers do little, draws give intervals."""

from __future__ import annotations

import itertools
import sys

import numpy as np
import pytest

import weighbridge as wb
from weighbridge.errors import InputError
from weighbridge.estimate.law_fit import GRID, fit_law
from weighbridge.laws import LAWS, Parametric, Runs

TRUTH = LAWS["besiroglu"]
assert isinstance(TRUTH, Parametric)
SIZES = (6e7, 2e8, 6e8, 2e9, 6e9)
DATA = (1e9, 4e9, 1.6e10, 6.4e10, 2.5e11)


def runs(noise: float = 0.0, seed: int = 0) -> Runs:
    pairs = list(itertools.product(SIZES, DATA))
    off = np.random.default_rng(seed).normal(0, noise, len(pairs))
    losses = (float(TRUTH.loss(n, d) or 0) * float(np.exp(o)) for (n, d), o in zip(pairs, off, strict=True))
    return Runs(tuple(n for n, _ in pairs), tuple(d for _, d in pairs), tuple(losses))


def test_the_constants_that_made_the_runs_are_found() -> None:
    found = fit_law(runs(), starts=20, bootstrap=0)
    for name in ("e", "a", "b", "alpha", "beta"):
        assert getattr(found.law, name) == pytest.approx(getattr(TRUTH, name), rel=0.01)
    assert found.error < 1e-4
    assert found.law.covariance is None
    assert found.interval(lambda law: law.e) is None


def test_an_outlier_does_little_under_the_huber_loss() -> None:
    clean = runs()
    spoiled = Runs(clean.parameters, clean.tokens, (clean.losses[0] * 1.5, *clean.losses[1:]))
    found = fit_law(spoiled, starts=20, bootstrap=0)
    assert found.law.e == pytest.approx(TRUTH.e, rel=0.03)  # type: ignore[attr-defined]


def test_draws_give_intervals_that_hold_the_truth() -> None:
    held = 0
    for seed in range(6):
        found = fit_law(runs(0.002, seed), starts=5, bootstrap=60, seed=seed)
        assert found.law.covariance is not None
        assert 50 <= len(found.draws) <= 60
        interval = found.interval(lambda law: law.optimum(1e22).parameters)
        assert interval is not None
        assert interval.high < 3 * interval.low
        held += interval.low < TRUTH.optimum(1e22).parameters < interval.high
    assert held >= 3  # of intervals that should hold it four times in five


def test_a_seed_gives_the_same_fit_and_another_seed_other_draws() -> None:
    first, again, other = (fit_law(runs(0.002), starts=5, bootstrap=10, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first.draws != other.draws
    assert first.law.alpha == other.law.alpha


def test_the_law_knows_the_runs_it_was_fitted_on() -> None:
    law = fit_law(runs(), starts=5, bootstrap=0, name="mine").law
    assert law.name == "mine"
    assert law.fitted.parameters is not None
    assert (law.fitted.parameters.low, law.fitted.parameters.high) == (6e7, 6e9)
    assert law.fitted.compute is not None
    assert law.fitted.compute.high == 6 * 6e9 * 2.5e11
    assert wb.scaling(1e21, law=law).answers[0].law.name == "mine"


def test_progress_is_told() -> None:
    told: list[tuple[str, int, int]] = []
    fit_law(runs(), starts=3, bootstrap=2, progress=lambda part, done, of: told.append((part, done, of)))
    assert told == [("starts", 1, 3), ("starts", 2, 3), ("starts", 3, 3), ("draws", 1, 2), ("draws", 2, 2)]


def test_the_grid_is_hoffmanns() -> None:
    assert np.prod([len(axis) for axis in GRID]) == 4500


@pytest.mark.parametrize(
    ("spoiled", "message"),
    [
        (Runs((1e9,) * 9, (1e9,) * 9, (2.0,) * 9), "runs: got 9; a fit of five constants needs at least 10"),
        (Runs((1e9,) * 12, tuple(range(1, 13)), (2.0,) * 12), "parameters: all runs have the same"),
        (Runs(tuple(range(1, 13)), (1e9,) * 12, (2.0,) * 12), "tokens: all runs have the same"),
    ],
)
def test_runs_that_say_too_little_are_refused(spoiled: Runs, message: str) -> None:
    with pytest.raises(InputError, match=message):
        fit_law(spoiled)


def test_losses_that_follow_no_such_law_are_refused() -> None:
    clean = runs()
    rising = Runs(clean.parameters, clean.tokens, tuple(reversed(clean.losses)))
    with pytest.raises(InputError, match="runs: their losses do not fall with parameters"):
        fit_law(rising, starts=10, bootstrap=0)


def test_a_missing_library_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    with pytest.raises(InputError, match=r"a fit needs NumPy and SciPy: pip install weighbridge\[fit\]"):
        fit_law(runs())


def test_a_fit_prints_itself() -> None:
    text = str(wb.fit_law(runs(0.002), starts=5, bootstrap=20))
    assert text.startswith("fitted ")
    assert "80 % interval" in text
