"""The operator table on integers and arrays."""

from __future__ import annotations

import numpy as np
import pytest

from weighbridge import arithmetic as a


def test_division_says_what_it_does_with_a_rest() -> None:
    assert a.ceil_div(7, 2) == 4
    assert a.exact_div(8, 2) == 4
    assert a.floor_div(7, 2) == 3
    with pytest.raises(ArithmeticError, match="7 does not divide by 2"):
        a.exact_div(7, 2)


def test_a_ratio_is_a_float() -> None:
    assert a.ratio(6, 4) == 1.5


def test_scale_cuts_as_int_does() -> None:
    assert a.scale(10922, 1.3) == int(1.3 * 10922) == 14198


def test_choices() -> None:
    assert (a.maximum(2, 3), a.minimum(2, 3), a.where(1, 2, 3), a.where(0, 2, 3)) == (3, 2, 2, 3)


def test_empty_and_single_products_and_sums() -> None:
    assert (a.product([]), a.product([5]), a.product([5, 6])) == (1, 5, 30)
    assert (a.total([]), a.total([5]), a.total([5, 6])) == (0, 5, 11)


@pytest.mark.parametrize("name", [n for n in a.OPERATORS if n not in ("scale", "where", "block", "exponential")])
def test_arrays_agree_with_integers(name: str) -> None:
    left, right = [12, 8, 9, 100], [3, 4, 9, 10]
    expected = [a.apply(name, x, y) for x, y in zip(left, right, strict=True)]
    found = a.apply(name, np.array(left, dtype=float), np.array(right, dtype=float))
    assert found.tolist() == expected


def test_arrays_mask_what_does_not_divide() -> None:
    found = a.exact_div(np.array([8.0, 9.0]), 2)  # type: ignore[arg-type]
    assert found[0] == 4  # type: ignore[index]
    assert np.isnan(found[1])  # type: ignore[index]


def test_arrays_take_part_in_scale_and_where() -> None:
    assert a.apply("scale", np.array([10922.0, 3.0]), 1.3).tolist() == [14198, 3]
    assert a.apply("where", np.array([1, 0]), np.array([2, 2]), np.array([3, 3])).tolist() == [2, 3]


def test_blocks_round_up_by_half_a_step_at_most() -> None:
    sizes = [0, 39, 40, 41, 44, 45, 46, 49, 50, 55]
    expected = [0, 39, 40, 41, 44, 50, 50, 50, 50, 60]
    assert [a.block(size, 10, 40) for size in sizes] == expected
    assert a.block(np.array(sizes, dtype=float), 10, 40).tolist() == expected  # type: ignore[arg-type, attr-defined]
    assert a.OPERATORS["block"].text.format("size", 10, 40) == "block(size, 10, 40)"


def test_powers_and_exponentials_are_floats() -> None:
    assert a.power(4, 0.5) == 2.0
    assert a.power(10**30, -1) == pytest.approx(1e-30)
    assert a.exponential(0) == 1.0
    assert a.apply("power", np.array([4.0, 9.0]), 0.5).tolist() == [2.0, 3.0]
    assert a.apply("exponential", np.array([0.0])).tolist() == [1.0]
