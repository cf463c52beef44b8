"""Traced numbers: values, refusals, names, and tracing of nested dataclasses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from weighbridge.arithmetic import ceil_div, exact_div, maximum
from weighbridge.report.formula import expression, symbols
from weighbridge.traced import Label, Traced, named, plain, same_kind, symbol, trace


def test_values_follow_the_arithmetic() -> None:
    h, n = symbol("h", 4096), symbol("n", 32)
    assert (h * n + 2).value == 4096 * 32 + 2
    assert (2 - h).value == 2 - 4096
    assert (-h).value == -4096
    assert exact_div(h, n).value == 128  # type: ignore[attr-defined]
    assert ceil_div(h, 3).value == 1366  # type: ignore[attr-defined]
    assert maximum(h, n).value == 4096


def test_neutral_elements_are_not_written() -> None:
    h = symbol("h", 7)
    assert 0 + h is h
    assert h + 0 is h
    assert 1 * h is h
    assert h * 1 is h
    assert h - 0 is h


@pytest.mark.parametrize(
    "misuse",
    [
        lambda h: h / 2,
        lambda h: 2 / h,
        lambda h: h // 2,
        lambda h: h % 2,
        lambda h: bool(h),
        lambda h: h > 1,
        lambda h: h == 1,
        lambda h: range(h),
    ],
)
def test_a_quantity_does_not_steer_a_program(misuse: Any) -> None:
    with pytest.raises(TypeError, match="hidden_size is a traced quantity"):
        misuse(symbol("hidden_size", 4096))


def test_names_pass_plain_numbers_through() -> None:
    assert named(5, Label("five")) == 5
    assert same_kind(5, "five", like=7) == 5
    traced: Any = same_kind(5, "five", like=symbol("seven", 7))
    assert (traced.value, traced.label.symbol) == (5, "five")
    assert plain(traced) == 5
    assert repr(traced) == "Traced(five=5)"


@dataclass(frozen=True)
class Inner:
    size: int


@dataclass(frozen=True)
class Outer:
    size: int
    flag: bool
    word: str
    nothing: None
    inner: Inner
    several: tuple[Inner, ...]
    table: dict[str, Any]
    factor: float


def test_trace_binds_numbers_and_leaves_configuration() -> None:
    twin = Inner(9)
    value = Outer(3, True, "x", None, Inner(3), (twin, twin), {"block": {"size": 4}, "flag": True}, 1.5)
    traced: Any = trace(value)
    assert (traced.size.value, traced.flag, traced.word, traced.nothing) == (3, True, "x", None)
    assert traced.inner.size.label.symbol == "size"
    assert traced.several[0] is traced.several[1]
    assert traced.several[0].size.label.symbol != "size", "one symbol stands for one value"
    assert traced.table["block"]["size"].label.symbol == "block_size"
    assert traced.table["flag"] is True
    assert isinstance(traced.factor, Traced)


def test_trace_takes_instances_of_dataclasses_only() -> None:
    with pytest.raises(TypeError, match="dataclass"):
        trace({"a": 1})
    with pytest.raises(TypeError, match="dataclass"):
        trace(Inner)


def test_symbols_refuses_one_name_for_two_values() -> None:
    with pytest.raises(ValueError, match="the symbol h stands for"):
        symbols(symbol("h", 2) + symbol("h", 3))


def test_an_expression_evaluates_to_its_value() -> None:
    h, n = symbol("h", 12), symbol("n", 5)
    value = (h + n) * (h - n) * 2 + ceil_div(h, n) - (h - (n - 1))
    assert eval(expression(value), {"ceil_div": ceil_div}, symbols(value)) == value.value
