"""Figures of scaling laws as traced numbers: the values are the answer's, the leaves what was asked, or constants."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import weighbridge as wb
from weighbridge.estimate.scaling import Answer, Scaling, scaling
from weighbridge.estimate.scaling_explained import FOUND, MADE, figures, middles, there, usual
from weighbridge.traced import Traced

COST: dict[str, Any] = {"cluster": "1024xH100", "mfu": 0.4, "price": 2.5}

QUESTIONS: list[dict[str, Any]] = [
    {"compute": "5.76e23"},
    {"days": "30"},
    {"dollars": "1M", "tokens": "1T"},
    {"parameters": "70B", "inference_tokens": "2T"},
    {"tokens": "1.4T"},
    {"parameters": "280B", "tokens": "300B"},
    {"compute": "1e22", "parameters": "7B"},
    {"compute": "1e22", "tokens": "1T", "inference_tokens": "1T"},
    {"compute": "9.3e21", "unique_tokens": "25B"},
    {"compute": "1e19", "unique_tokens": "25B"},
    {"parameters": "13B", "unique_tokens": "25B"},
    {"parameters": "13B", "tokens": "1T", "unique_tokens": "25B"},
]


def said(answer: Answer) -> dict[str, list[float | None]]:
    """The figures as the answer says them."""
    best, life, cost = answer.best, answer.lifetime, answer.cost
    return {
        "parameters": [answer.model.parameters],
        "tokens": [answer.model.tokens],
        "tokens_per_parameter": [answer.tokens_per_parameter],
        "total_parameters": [answer.law.total_parameters(answer.model.parameters)],
        "compute": [answer.compute],
        "loss": [answer.loss],
        "optimum": [] if best is None else [best.parameters, best.tokens, answer.best_loss],
        "equal_loss": [answer.equal_budget, answer.equal_share],
        "lifetime": []
        if life is None
        else [
            life.best.parameters,
            life.best.tokens,
            life.law.compute(life.best.parameters, life.best.tokens),
            life.flops(life.best),
            life.saved,
        ],
        "extras": [extra.value for extra in answer.extras],
        "outside": [one.times for one in answer.outside],
        "cost": [] if cost is None else [cost.days, cost.gpu_hours, cost.dollars],
    }


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: " ".join(question))
def test_every_figure_has_the_value_of_the_answer(question: dict[str, Any]) -> None:
    for answer in scaling(**question, **COST).answers:
        found = said(answer)
        for name in there(answer):
            values = [figure.value for figure in figures(answer, name)]
            assert values == [value for value in found[name] if value is not None], (answer.law.name, name)


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: " ".join(question))
def test_what_is_not_explained_was_asked_with_or_is_not_there(question: dict[str, Any]) -> None:
    for answer in scaling(**question, **COST).answers:
        found, given = said(answer), {answer.question.parameters, answer.question.tokens, answer.question.compute}
        for name in set(MADE) - set(there(answer)):
            assert set(found[name]) <= {None, *given}, (answer.law.name, name)


def leaves(figure: Any) -> Iterator[Traced]:
    """What a figure is made of in the end."""
    if isinstance(figure, Traced):
        inside = [argument for argument in figure.arguments if isinstance(argument, Traced)]
        if not inside and figure.operator is None:
            yield figure
        for argument in inside:
            yield from leaves(argument)


def test_leaves_are_what_was_asked_and_constants() -> None:
    result = scaling("5.76e23", law=["hoffmann-3", "llama-3"], **COST)
    own = {"C", "E", "A", "B", "alpha", "beta", "flops_per"}
    frontier = {"C", "C_0", "N_0", "a", "flops_per"}
    for answer, known in zip(result.answers, (own, frontier), strict=True):
        found = {leaf.label.symbol for one in usual(answer) for leaf in leaves(one) if leaf.label}
        assert found <= known
        cost = {leaf.label.symbol for one in figures(answer, "cost") for leaf in leaves(one) if leaf.label}
        assert cost == {"C", "gpus", "peak", "mfu", "price"}
    middle = {leaf.label.symbol for one in middles(result) for leaf in leaves(one) if leaf.label}
    assert middle <= own | frontier


def test_what_a_search_found_says_so() -> None:
    answer = scaling("1e22", law="krajewski").answers[0]
    size = answer.explained("parameters")
    assert size.label.note == FOUND
    assert "granularity" in wb.explain(answer.explained("loss"))
    repeated = scaling("9.3e21", unique_tokens="25B", law="muennighoff").answers[0]
    assert repeated.explained("parameters").label.note == FOUND
    once = scaling("1e19", unique_tokens="25B", law="muennighoff").answers[0]
    assert "G * (C / flops_per)^a" in wb.explain(once.explained("parameters"))


MANY: list[dict[str, Any]] = [{"compute": "5.76e23"}, {"compute": "1e23", "inference_tokens": "1T"}]


@pytest.mark.parametrize("question", MANY, ids=["even", "odd"])
def test_the_middle_of_the_laws_is_made_of_theirs(question: dict[str, Any]) -> None:
    result = scaling(**question)
    values = [figure.value for figure in middles(result)]
    sizes, tokens = result.parameters, result.tokens
    assert values == [sizes.middle, sizes.low, sizes.high, tokens.middle, tokens.low, tokens.high]


def test_the_middle_of_a_model_that_is_given_is_how_many_times_the_optimum_it_has() -> None:
    result: Scaling = scaling(parameters="280B", tokens="300B")
    times = result.times_optimal
    assert times is not None
    assert [figure.value for figure in middles(result)] == [times.middle, times.low, times.high]
    alone = scaling(parameters="280B", tokens="300B", law="besiroglu")
    (only,) = middles(alone)
    assert alone.times_optimal is not None
    assert only.value == alone.times_optimal.middle
    assert "times_optimal_middle = N / N_optimal" in wb.explain(only)
