"""Formulas as people write them: collected, folded, bracketed."""

from __future__ import annotations

from typing import Any

import pytest

from weighbridge.arithmetic import ceil_div, exact_div
from weighbridge.report.formula import (
    LATEX,
    LATEX_NUMBERS,
    NUMBERS,
    PYTHON,
    TEXT,
    expression,
    formula,
    joined,
    lines,
    written,
)
from weighbridge.traced import Label, named, symbol

H, F, N = symbol("h", 4), symbol("f", 10), symbol("n", 3)


def text(value: Any) -> str:
    return joined(lines(formula(value, lambda node: False), TEXT))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (H * F + H * F + F * H, "3 * h * f"),
        (H * F - F * H + N, "n"),
        (2 * H * 3 * F, "6 * h * f"),
        (H * (F + N), "h * (f + n)"),
        ((H + F) * (H + F), "(h + f) * (h + f)"),
        (H - (F - N), "h - f + n"),
        (H - (F + N) * 2, "h - 2 * (f + n)"),
        (exact_div(H * (H + 1), 2), "h * (h + 1) / 2"),
        (exact_div(H * F, H * 2), "h * f / (2 * h)"),
        (exact_div(H * F, H * 2) * N, "(h * f / (2 * h)) * n"),
        (ceil_div(F + N, N) + 2, "ceil((f + n) / n) + 2"),
        (H - H, "0"),
        (0 - H, "- h"),
        (H + 5 - 2, "h + 3"),
    ],
)
def test_text(value: Any, expected: str) -> None:
    assert text(value) == expected
    assert (
        eval(expression(value), {"exact_div": exact_div, "ceil_div": ceil_div}, {"h": 4, "f": 10, "n": 3})
        == value.value
    )


def test_names_fold_and_open() -> None:
    mlp: Any = named(H * F * 3, Label("mlp"))
    whole: Any = named(mlp * N + H, Label("all"))
    assert joined(lines(formula(whole, lambda node: True), TEXT)) == "mlp * n + h"
    assert joined(lines(formula(whole, lambda node: True), NUMBERS)) == "120 * 3 + 4"
    assert joined(lines(formula(whole, lambda node: False), TEXT)) == "3 * h * f * n + h"


def test_a_sum_of_thousands_of_terms_is_written() -> None:
    value: Any = sum((symbol(f"s{n}", n) for n in range(1, 5000)), symbol("s0", 0))
    assert text(value).count("+") == 4999


def test_parts_are_remembered_through_collection() -> None:
    gate: Any = named(H * F, Label("gate", primitive=True))
    up: Any = named(F * H, Label("up", primitive=True))
    found = formula(gate + up, lambda node: False)
    assert [term.parts for term in found.terms] == [("gate", "up")]


def test_latex_and_python() -> None:
    value = ceil_div(H * (F + 1000), N)
    assert written(formula(value, lambda node: False), LATEX) == (
        r"\left\lceil \frac{\mathrm{h} \times \left(\mathrm{f} + 1{,}000\right)}{\mathrm{n}} \right\rceil"
    )
    assert written(formula(H * 1000, lambda node: False), PYTHON) == "1000 * h"


def test_large_and_small_numbers_in_latex_are_powers_of_ten() -> None:
    budget: Any = symbol("C", 5.76e23, "FLOPs")
    assert written(formula(budget * 2, lambda node: False), LATEX_NUMBERS) == r"2 \times 5.76 \times 10^{23}"
    small: Any = symbol("lr", 3.34e-5)
    assert written(formula(small * 2, lambda node: False), LATEX_NUMBERS) == r"2 \times 3.34 \times 10^{-5}"
