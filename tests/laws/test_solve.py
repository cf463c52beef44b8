"""Bisection and golden section on logarithms."""

from __future__ import annotations

import math

import pytest

from weighbridge.laws.solve import lowest, near_root, rising_root


@pytest.mark.parametrize("root", [1e-9, 0.5, 1.0, 7e9, 1e25])
def test_a_root_is_found_to_the_last_digits(root: float) -> None:
    assert rising_root(lambda x: math.log(x / root), 1e-12, 1e30) == pytest.approx(root, rel=1e-13)
    assert near_root(lambda x: math.log(x / root), 1e-12, 1e30) == pytest.approx(root, rel=1e-10)


def test_no_root_is_said() -> None:
    with pytest.raises(ArithmeticError, match="no root between 1 and 2"):
        rising_root(lambda x: x + 1, 1.0, 2.0)


@pytest.mark.parametrize("place", [2e3, 1e9, 5e15])
def test_the_lowest_place_is_found(place: float) -> None:
    assert lowest(lambda x: math.log(x / place) ** 2, 1e3, 1e16) == pytest.approx(place, rel=1e-6)


def test_the_lower_of_two_valleys_is_found() -> None:
    def valleys(x: float) -> float:
        return min((math.log10(x) - 4) ** 2, (math.log10(x) - 9) ** 2 - 0.1)

    assert lowest(valleys, 1e2, 1e12) == pytest.approx(1e9, rel=1e-4)


def test_a_place_at_the_edge_is_found() -> None:
    assert lowest(lambda x: x, 10.0, 1e4) == pytest.approx(10.0, rel=1e-6)
