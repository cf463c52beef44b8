"""Intervals of a law's answers against derivatives taken numerically, and against draws of its constants."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from weighbridge.laws.besiroglu import BESIROGLU, COVARIANCE
from weighbridge.laws.hoffmann import APPROACH_3
from weighbridge.laws.law import Allocation
from weighbridge.laws.parametric import Parametric
from weighbridge.laws.uncertainty import intervals, of_loss, of_size

STEP = 1e-6


def moved(law: Parametric, place: int, by: float) -> Parametric:
    if place < 3:
        name = ("a", "b", "e")[place]
        return replace(law, **{name: getattr(law, name) * math.exp(by)})
    name = ("alpha", "beta")[place - 3]
    return replace(law, **{name: getattr(law, name) + by})


@pytest.mark.parametrize("compute", [1e18, 5.76e23, 1e27])
def test_gradients_are_derivatives(compute: float) -> None:
    best = BESIROGLU.optimum(compute)
    for place in range(5):
        above, below = (moved(BESIROGLU, place, by) for by in (STEP, -STEP))
        size = math.log(above.optimum(compute).parameters / below.optimum(compute).parameters) / (2 * STEP)
        assert of_size(BESIROGLU, compute)[place] == pytest.approx(size, rel=1e-4, abs=1e-6)
        least = ((above.least_loss(compute) or 0) - (below.least_loss(compute) or 0)) / (2 * STEP)
        assert of_loss(BESIROGLU, best)[place] == pytest.approx(least, rel=1e-3, abs=1e-6)


def test_standard_errors_are_the_published_ones() -> None:
    """The notebook of Besiroglu et al. prints those of ln A, ln B, ln E, alpha and beta."""
    found = [math.sqrt(COVARIANCE[place][place]) for place in range(5)]
    assert found == pytest.approx([0.258, 0.421, 0.014, 0.015, 0.021], rel=0.03)


def test_the_covariance_is_one() -> None:
    matrix = np.array(COVARIANCE)
    assert np.array_equal(matrix, matrix.T)
    assert np.all(np.linalg.eigvalsh(matrix) > 0)


def test_intervals_are_those_of_drawn_constants() -> None:
    generator = np.random.default_rng(1)
    centre = [math.log(BESIROGLU.a), math.log(BESIROGLU.b), math.log(BESIROGLU.e), BESIROGLU.alpha, BESIROGLU.beta]
    drawn = generator.multivariate_normal(centre, COVARIANCE, 4000)
    laws = [replace(BESIROGLU, a=math.exp(a), b=math.exp(b), e=math.exp(e), alpha=x, beta=y) for a, b, e, x, y in drawn]
    found = intervals(BESIROGLU, 5.76e23)
    assert found is not None
    sizes = np.percentile([law.optimum(5.76e23).parameters for law in laws], [10, 90])
    assert [found.parameters.low, found.parameters.high] == pytest.approx(sizes.tolist(), rel=0.05)
    losses = np.percentile([law.least_loss(5.76e23) or 0 for law in laws], [10, 90])
    assert [found.loss.low, found.loss.high] == pytest.approx(losses.tolist(), abs=0.004)


def test_the_width_of_the_exponents_interval_is_the_published_one() -> None:
    """Besiroglu et al.: an 80 % interval of a = beta / (alpha + beta) of width 0.051."""
    both = BESIROGLU.alpha + BESIROGLU.beta
    gradient = np.array([0, 0, 0, -BESIROGLU.beta / both**2, BESIROGLU.alpha / both**2])
    deviation = math.sqrt(gradient @ np.array(COVARIANCE) @ gradient)
    assert 2 * 1.2816 * deviation == pytest.approx(0.051, abs=0.002)


def test_laws_without_a_covariance_have_no_intervals() -> None:
    assert intervals(APPROACH_3, 1e23) is None


def test_a_loss_far_from_the_optimum_is_its_own() -> None:
    model = Allocation(1e9, 1e12)
    found = intervals(BESIROGLU, 6e21, model)
    assert found is not None
    assert found.loss.low < BESIROGLU.loss(1e9, 1e12) < found.loss.high
