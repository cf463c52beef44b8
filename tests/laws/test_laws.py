"""Properties of every law: the optimum is one, budgets invert, numbers, traced numbers and arrays agree."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weighbridge import arithmetic
from weighbridge.errors import InputError
from weighbridge.laws import LAWS, Law, Muennighoff, Parametric, find
from weighbridge.laws.law import Span
from weighbridge.report.formula import expression, symbols
from weighbridge.traced import symbol, trace

REPEATED = replace(LAWS["muennighoff"], unique=30e9)  # type: ignore[call-arg]
ALL = [*LAWS.values(), REPEATED]
CLOSED = [law for law in LAWS.values() if law.closed(1e21)]
LOSSES = [law for law in ALL if law.loss(1e9, 1e10) is not None]
HELPERS = {name: getattr(arithmetic, name) for name in ("power", "ratio", "exponential", "maximum", "minimum")}

SWITCH = 0.2
"""Where granularity switches between powers of two, two of them fit one model, and the FLOPs of routing differ."""

BUDGETS = st.floats(18, 26).map(lambda exponent: 10**exponent)


def named(laws: list[Law]) -> list[Any]:
    return [pytest.param(law, id=law.name + ("-repeated" if law is REPEATED else "")) for law in laws]


def loss(law: Law, parameters: float, tokens: float) -> float:
    found = law.loss(parameters, tokens)
    assert found is not None
    return found


@pytest.mark.parametrize("law", named(ALL))
@settings(max_examples=20, deadline=None)
@given(compute=BUDGETS)
def test_an_optimum_spends_its_budget(law: Law, compute: float) -> None:
    best = law.optimum(compute)
    spent = law.compute(best.parameters, best.tokens)
    assert spent == pytest.approx(compute, rel=SWITCH if law.name == "krajewski" else 1e-9)


@pytest.mark.parametrize("law", named(LOSSES))
@settings(max_examples=20, deadline=None)
@given(compute=BUDGETS, times=st.floats(0.05, 20))
def test_no_other_allocation_of_the_budget_has_a_lower_loss(law: Law, compute: float, times: float) -> None:
    best = law.optimum(compute)
    other = best.parameters * times
    least = law.least_loss(compute)
    assert least is not None
    assert loss(law, other, law.tokens_within(compute, other)) >= least * (1 - 1e-9)


@pytest.mark.parametrize("law", named(ALL))
@settings(max_examples=10, deadline=None)
@given(compute=BUDGETS)
def test_budgets_invert_the_optimum(law: Law, compute: float) -> None:
    best = law.optimum(compute)
    near = SWITCH if law.name == "krajewski" else 1e-2 if law is REPEATED else 1e-9
    assert law.optimum(law.budget_for_parameters(best.parameters)).parameters == pytest.approx(
        best.parameters, rel=near
    )
    assert law.optimum(law.budget_for_tokens(best.tokens)).tokens == pytest.approx(best.tokens, rel=near)


@pytest.mark.parametrize("law", named([law for law in ALL if law.least_loss(1e22) is not None]))
@settings(max_examples=10, deadline=None)
@given(compute=st.floats(18, 24).map(lambda exponent: 10**exponent))
def test_the_budget_for_a_loss_inverts_the_least_loss(law: Law, compute: float) -> None:
    least = law.least_loss(compute)
    assert least is not None
    assert law.budget_for_loss(least) == pytest.approx(compute, rel=1e-3)


@pytest.mark.parametrize("law", named(ALL))
def test_more_compute_is_never_worse(law: Law) -> None:
    losses = [law.least_loss(compute) for compute in (1e19, 1e20, 1e21, 1e22, 1e23)]
    assert losses == sorted(losses, key=lambda value: -(value or 0))


@pytest.mark.parametrize("law", named(CLOSED))
@settings(max_examples=20, deadline=None)
@given(compute=BUDGETS)
def test_numbers_traced_numbers_their_text_and_arrays_agree(law: Law, compute: float) -> None:
    best = law.optimum(compute)
    traced: Any = trace(law).optimum(symbol("C", compute))
    many: Any = law.optimum(np.array([compute, compute * 10]))  # type: ignore[arg-type]
    for name in ("parameters", "tokens"):
        value, derived = getattr(best, name), getattr(traced, name)
        assert derived.value == value
        assert eval(expression(derived), HELPERS, symbols(derived)) == pytest.approx(value, rel=1e-12)
        assert getattr(many, name)[0] == pytest.approx(value, rel=1e-14)
        assert getattr(many, name)[1] == pytest.approx(getattr(law.optimum(compute * 10), name), rel=1e-14)


@pytest.mark.parametrize("law", named([law for law in LOSSES if law.name != "krajewski"]))
@settings(max_examples=20, deadline=None)
@given(parameters=st.integers(10**6, 10**13), tokens=st.integers(10**6, 10**14))
def test_losses_of_whole_numbers_traced_numbers_and_arrays_agree(law: Law, parameters: int, tokens: int) -> None:
    value = loss(law, parameters, tokens)
    traced: Any = trace(law).loss(symbol("N", parameters), symbol("D", tokens))
    assert traced.value == value
    assert eval(expression(traced), HELPERS, symbols(traced)) == pytest.approx(value, rel=1e-12)
    many: Any = law.loss(np.array([float(parameters)]), np.array([float(tokens)]))  # type: ignore[arg-type]
    assert many.tolist() == pytest.approx([value], rel=1e-14)
    assert value == loss(law, float(parameters), float(tokens))


@settings(max_examples=50, deadline=None)
@given(tokens=st.floats(1e6, 1e14), unique=st.floats(1e6, 1e13))
def test_repeated_tokens_are_worth_no_more_than_fresh_ones(tokens: float, unique: float) -> None:
    law = LAWS["muennighoff"]
    assert isinstance(law, Muennighoff)
    worth = law.effective_tokens(tokens, unique)
    assert worth <= tokens * (1 + 1e-12)
    assert worth <= unique * (1 + law.repeats) * (1 + 1e-12)
    if tokens <= unique:
        assert worth == tokens


def test_without_a_limit_repetition_changes_nothing() -> None:
    law = LAWS["muennighoff"]
    plenty = replace(law, unique=1e15)  # type: ignore[call-arg]
    assert plenty.optimum(1e23) == law.optimum(1e23)
    assert plenty.least_loss(1e23) == pytest.approx(law.least_loss(1e23) or 0, rel=1e-12)


def test_a_loss_below_the_entropy_has_no_budget() -> None:
    for law in LAWS.values():
        if isinstance(law, Parametric):
            assert law.budget_for_loss(law.e) is None
    assert LAWS["krajewski"].budget_for_loss(0.1) is None
    assert REPEATED.budget_for_loss(1.9) is None


@pytest.mark.parametrize("law", named([law for law in LAWS.values() if law.loss(1e9, 1e10) is None]))
def test_laws_of_a_frontier_have_no_loss_off_it(law: Law) -> None:
    assert law.loss(7e9, 1e12) is None


def test_budgets_split_between_a_model_and_its_tokens() -> None:
    for law in LAWS.values():
        tokens = law.tokens_within(1e22, 5e9)
        near = SWITCH if law.name == "krajewski" else 1e-12
        assert law.compute(5e9, tokens) == pytest.approx(1e22, rel=near)
        parameters = law.parameters_within(1e22, 2e11)
        assert law.compute(parameters, 2e11) == pytest.approx(1e22, rel=near)


def test_spans_say_how_far_outside() -> None:
    span = Span(10.0, 100.0)
    assert [span.beyond(value) for value in (1.0, 10.0, 50.0, 100.0, 500.0)] == [10.0, 1.0, 1.0, 1.0, 5.0]
    assert [span.holds(value) for value in (1.0, 10.0, 50.0, 100.0, 500.0)] == [False, True, True, True, False]


def test_unknown_laws_get_the_nearest() -> None:
    with pytest.raises(InputError, match=r'no law "hofmann-3"; allowed: hoffmann-1, .*; did you mean hoffmann-3'):
        find("hofmann-3")
    assert find("Kaplan").name == "kaplan"


def test_constants_are_the_fitted_ones_alone() -> None:
    assert set(LAWS["besiroglu"].constants()) == {"e", "a", "b", "alpha", "beta"}
    assert set(LAWS["llama-3"].constants()) == {"budget", "size", "exponent"}
