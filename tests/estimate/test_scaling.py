"""Questions of scaling laws: a budget, a size, tokens, both; repetition, inference, cost, ranges."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

import weighbridge as wb
from weighbridge.errors import InputError
from weighbridge.estimate.scaling import FAR, scaling
from weighbridge.hardware.cluster import cluster
from weighbridge.laws import LAWS, ONLY_WITH, Parametric, find
from weighbridge.report.scaling import document
from weighbridge.report.scaling_schema import curves
from weighbridge.report.text import rendered
from weighbridge.traced import Traced


def test_a_budget_is_answered_by_every_law() -> None:
    found = wb.scaling(compute="5.76e23")
    assert [answer.law.name for answer in found.answers] == [name for name in LAWS if name != "sardana"]
    assert found.of("hoffmann-3").model == find("hoffmann-3").optimum(5.76e23)
    assert found.of("hoffmann-1").loss is None
    assert found.of("kaplan").loss == find("kaplan").least_loss(5.76e23)
    assert all(answer.compute == 5.76e23 for answer in found.answers)
    assert all(answer.best is None for answer in found.answers)


def test_a_size_gets_the_tokens_that_are_optimal_for_it() -> None:
    answer = scaling(parameters="70B", law="besiroglu").answers[0]
    assert answer.model.parameters == pytest.approx(70e9)
    assert answer.compute == pytest.approx(6 * 70e9 * answer.model.tokens)
    assert find("besiroglu").optimum(answer.compute).tokens == pytest.approx(answer.model.tokens)


def test_tokens_get_the_size_that_is_optimal_for_them() -> None:
    answer = scaling(tokens="1.4T", law="besiroglu").answers[0]
    assert answer.model.tokens == pytest.approx(1.4e12)
    assert answer.model.parameters == pytest.approx(76.3e9, rel=0.01)


def test_a_trained_model_is_held_against_the_optimum_of_its_compute() -> None:
    """Gopher: 280B parameters on 300B tokens."""
    answer = scaling(parameters="280B", tokens="300B", law="hoffmann-3").answers[0]
    law = find("hoffmann-3")
    assert answer.compute == 6 * 280e9 * 300e9
    assert answer.best == law.optimum(answer.compute)
    assert answer.loss == law.loss(280e9, 300e9)
    assert answer.best_loss is not None
    assert answer.loss is not None
    assert answer.best_loss < answer.loss
    assert answer.equal_budget is not None
    assert answer.equal_budget < 0.5 * answer.compute
    assert law.least_loss(answer.equal_budget) == pytest.approx(answer.loss)


@pytest.mark.parametrize("name", list(LAWS))
def test_a_budget_and_one_of_its_factors_give_the_other(name: str) -> None:
    first = scaling(compute=1e22, parameters="5B", law=name).answers[0]
    second = scaling(compute=1e22, tokens="200B", law=name).answers[0]
    assert (first.compute, first.model.parameters) == (1e22, 5e9)
    assert (second.compute, second.model.tokens) == (1e22, 200e9)
    near = 0.2 if name == "krajewski" else 1e-9
    for answer in (first, second):
        assert answer.law.compute(answer.model.parameters, answer.model.tokens) == pytest.approx(1e22, rel=near)


def test_tokens_served_give_a_smaller_model_of_equal_loss() -> None:
    found = scaling(parameters="13B", inference_tokens="2T")
    assert "sardana" in [answer.law.name for answer in found.answers]
    for answer in found.answers:
        assert (answer.lifetime is not None) == isinstance(answer.law, Parametric)
        if answer.lifetime is None:
            continue
        assert isinstance(answer.law, Parametric)
        best, reference = answer.lifetime.best, answer.lifetime.reference
        assert reference.parameters == pytest.approx(13e9)
        assert best.parameters < reference.parameters
        assert best.tokens > reference.tokens
        equal = answer.law.loss(reference.parameters, reference.tokens)
        assert answer.law.loss(best.parameters, best.tokens) == pytest.approx(equal, rel=1e-12)
        assert 0 < answer.lifetime.saved < 1


@pytest.mark.parametrize("name", ["hoffmann-3", "besiroglu", "sardana"])
def test_no_other_model_of_equal_loss_takes_less_compute_in_all(name: str) -> None:
    life = scaling(compute=1e23, inference_tokens="10T", law=name).answers[0].lifetime
    assert life is not None
    law = life.law
    above = law.loss(life.reference.parameters, life.reference.tokens) - law.e
    for factor in (0.5, 0.9, 0.99, 1.01, 1.1, 2.0):
        tokens = life.best.tokens * factor
        left = above - law.b * tokens**-law.beta
        if left > 0:
            other = type(life.best)((law.a / left) ** (1 / law.alpha), tokens)
            assert life.flops(other) >= life.flops(life.best)


def test_few_tokens_served_change_nothing() -> None:
    life = scaling(compute=1e23, inference_tokens=1000, law="besiroglu").answers[0].lifetime
    assert life is not None
    assert life.best.parameters == pytest.approx(life.reference.parameters, rel=1e-6)
    assert life.saved == pytest.approx(0, abs=1e-9)


def test_unique_tokens_make_one_law_repeat_them() -> None:
    found = scaling(compute="9.3e21", unique_tokens="25B")
    repeated = found.of("muennighoff")
    assert repeated.passes == pytest.approx(repeated.model.tokens / 25e9)
    assert repeated.passes is not None
    assert 5 < repeated.passes < 12
    assert all(answer.passes is None for answer in found.answers if answer is not repeated)
    assert scaling(compute=1e18, unique_tokens="25B").of("muennighoff").passes == 1.0


def test_a_cluster_gives_days_hours_and_dollars() -> None:
    found = scaling(5.76e23, law="besiroglu", cluster="1024xH100", mfu=0.4, price=2.5)
    cost = found.answers[0].cost
    assert cost is not None
    rate = 1024 * 989.4e12 * 0.4
    assert cost.seconds == pytest.approx(5.76e23 / rate)
    assert cost.days == pytest.approx(5.76e23 / rate / 86_400)
    assert cost.gpu_hours == pytest.approx(1024 * 5.76e23 / rate / 3600)
    assert cost.dollars == pytest.approx(2.5 * cost.gpu_hours)
    twice = scaling(5.76e23, law="besiroglu", cluster=cluster("2048xH100"), mfu=0.4).answers[0].cost
    assert twice is not None
    assert twice.dollars is None
    assert (twice.days, twice.gpu_hours) == pytest.approx((cost.days / 2, cost.gpu_hours))


def test_another_type_has_its_own_peak() -> None:
    bf16, fp8 = (
        scaling(1e23, law="kaplan", cluster="8xH100", mfu=0.4, precision=p).answers[0] for p in ("bf16", "fp8")
    )
    assert bf16.cost is not None
    assert fp8.cost is not None
    assert bf16.cost.days == pytest.approx(fp8.cost.days * 1978.9 / 989.4)


def test_answers_say_how_far_they_lie_outside() -> None:
    inside = scaling(1e20, law="hoffmann-2").answers[0]
    assert inside.outside == ()
    assert not inside.far
    answer = scaling(5.76e23, law="hoffmann-2").answers[0]
    assert [out.quantity for out in answer.outside] == ["compute", "parameters", "tokens"]
    assert answer.outside[0].times == pytest.approx(192)
    assert answer.far == (answer.outside[0].times > FAR["compute"])
    below = scaling(1e16, law="llama-3").answers[0]
    assert below.outside[0].times == pytest.approx(600)


def test_strict_refuses_what_is_far_outside_and_nothing_else() -> None:
    assert scaling(5.76e23, law=["hoffmann-3", "besiroglu"], strict=True).answers
    with pytest.raises(InputError, match=r"compute: 5.76e\+23 FLOPs lie 192 times outside the runs of hoffmann-2"):
        scaling(5.76e23, law=["hoffmann-2", "besiroglu"], strict=True)
    with pytest.raises(InputError, match=r"and 3 more laws; choose laws with --law, or leave out --strict"):
        scaling(5.76e23, strict=True)


def test_intervals_belong_to_laws_whose_uncertainty_is_known() -> None:
    found = scaling(5.76e23)
    assert [answer.law.name for answer in found.answers if answer.intervals] == ["besiroglu"]
    answer = found.of("besiroglu")
    assert answer.intervals is not None
    assert answer.intervals.parameters.low < answer.model.parameters < answer.intervals.parameters.high
    assert answer.intervals.ratio.low < 20 < answer.intervals.ratio.high


def test_figures_have_derivations() -> None:
    answer = scaling(5.76e23, law="hoffmann-3").answers[0]
    for name in ("parameters", "tokens"):
        assert answer.explained(name).value == getattr(answer.model, name)
    assert answer.explained("loss").value == answer.loss
    assert "G = (alpha * A / (beta * B))^(1 / (alpha + beta))" in wb.explain(answer)
    asked = scaling(parameters=1e9, tokens=2e10, law="hoffmann-3").answers[0]
    assert isinstance(asked.explained("loss"), Traced)
    assert asked.explained("loss").value == asked.loss


def test_laws_of_ones_own_are_answered() -> None:
    own = Parametric(
        name="mine",
        title="mine",
        source="here",
        data="mine",
        fitted=find("besiroglu").fitted,
        e=1.5,
        a=300.0,
        b=300.0,
        alpha=0.3,
        beta=0.3,
    )
    answer = wb.scaling(6e20, law=[own, "kaplan"]).of("mine")
    assert answer.model.parameters == pytest.approx(1e10)
    assert answer.tokens_per_parameter == pytest.approx(1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: wb.scaling(), "compute, parameters, tokens: none given; give one or two of them"),
        (lambda: wb.scaling(1e22, 1e9, 1e10), "got all three, of which two give the third"),
        (lambda: wb.scaling(-1), "compute: got -1; allowed is 1e\\+12 to 1e\\+32 FLOPs"),
        (
            lambda: wb.scaling(1e15, tokens=1e14),
            "compute: 1e\\+15 FLOPs at 1e\\+14 tokens leave fewer than 1,000 parameters",
        ),
        (lambda: wb.scaling(float("nan")), "compute: got nan; expected FLOPs such as 5.76e23"),
        (lambda: wb.scaling(float("inf")), "compute: got inf; allowed is"),
        (lambda: wb.scaling(parameters="70X"), "parameters: got 70X; expected parameters such as 70B"),
        (lambda: wb.scaling(1e22, law="chinchila"), 'law: no law "chinchila"'),
        (lambda: wb.scaling(1e22, law=[]), "law: none given; allowed: hoffmann-1"),
        (
            lambda: wb.scaling(1e22, law="kaplan", unique_tokens="1B"),
            "unique_tokens: none of these laws knows repetition",
        ),
        (lambda: wb.scaling(1e22, mfu=0.4), "mfu: needs a cluster"),
        (lambda: wb.scaling(1e22, price=2), "price: needs a cluster"),
        (lambda: wb.scaling(1e22, cluster="8xH100"), "mfu: a cluster needs the model FLOPs utilization"),
        (lambda: wb.scaling(1e22, cluster="8xH100", mfu=1.4), "mfu: got 1.4; allowed is 0.001 to 1"),
        (lambda: wb.scaling(1e22, cluster="8xH100", mfu=0.4, price=-2), "price: got -2; allowed is"),
        (lambda: wb.scaling(1e22, cluster="8xH100", mfu=0.4, precision="fp3"), 'precision: got "fp3"; allowed: fp32'),
        (lambda: wb.scaling(1e22, cluster="8xV100", mfu=0.4), "precision: NVIDIA V100.*has no rate for"),
        (lambda: wb.scaling(1e22).of("hofmann"), 'law: "hofmann" was not asked; allowed: hoffmann-1'),
        (
            lambda: wb.scaling(1e22, law="llama-3").answers[0].explained("loss"),
            'quantity: got "loss"; llama-3 has: parameters, tokens, ',
        ),
        (
            lambda: wb.scaling(1e22, law="llama-3").answers[0].explained("size"),
            'quantity: got "size"; llama-3 has: parameters',
        ),
    ],
)
def test_what_cannot_be_is_said(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        call()


def test_results_print_themselves() -> None:
    text = str(wb.scaling(5.76e23, law=["hoffmann-3", "besiroglu"]))
    assert text.startswith("5.76e23 FLOPs")
    assert "40.4 B" in text
    assert "<table" in wb.scaling(5.76e23)._repr_html_()


EDGES: dict[str, list[float]] = {
    "compute": [1e12, 1e18, 1e32],
    "parameters": [1e3, 1e9, 1e16],
    "tokens": [1e6, 1e10, 1e18],
    "inference_tokens": [1.0, 1e13, 1e20],
    "unique_tokens": [1e6, 1e10, 1e18],
}


@pytest.mark.parametrize("names", [("compute",), ("parameters",), ("tokens",), ("parameters", "tokens")], ids="+".join)
@pytest.mark.parametrize("further", ["", "inference_tokens", "unique_tokens"])
def test_questions_at_the_edge_of_what_is_allowed_are_answered(names: tuple[str, ...], further: str) -> None:
    asked = [*names, *([further] if further else [])]
    for values in itertools.product(*(EDGES[name] for name in asked)):
        found = wb.scaling(**dict(zip(asked, values, strict=True)))  # type: ignore[arg-type]
        for answer in found.answers:
            figures = [answer.compute, answer.model.parameters, answer.model.tokens, answer.loss or 0.0]
            assert all(math.isfinite(figure) and figure >= 0 for figure in figures), (answer.law.name, asked, values)
        assert max(map(len, rendered(document(found), 60).splitlines())) <= 60


def test_the_middle_of_the_laws() -> None:
    three = wb.scaling(compute="5.76e23", law=["hoffmann-1", "hoffmann-3", "besiroglu"])
    sizes = sorted(answer.model.parameters for answer in three.answers)
    assert (three.parameters.low, three.parameters.middle, three.parameters.high) == tuple(sizes)
    assert three.times_optimal is None
    gopher = wb.scaling(parameters="280B", tokens="300B", law="besiroglu")
    best = gopher.answers[0].best
    assert best is not None
    assert gopher.times_optimal is not None
    assert gopher.times_optimal.middle == 280e9 / best.parameters


def test_frontiers_have_the_optimum_and_its_intervals_at_every_budget() -> None:
    result = wb.scaling(compute="1e22", law=["besiroglu", "llama-3"])
    drawn = curves(result)
    with_them, without = drawn["frontiers"]
    assert without["intervals"] == []
    assert len(with_them["intervals"]) == len(with_them["tokens"]) == len(drawn["compute"])
    for place in (0, -1):
        again = wb.scaling(compute=drawn["compute"][place], law="besiroglu").answers[0]
        assert again.model.tokens == pytest.approx(with_them["tokens"][place])
        assert again.intervals is not None
        assert again.intervals.tokens.high == pytest.approx(with_them["intervals"][place]["tokens"]["high"])


def test_a_day_and_a_dollar_give_what_they_cost() -> None:
    """1e24 FLOPs on 1,024 H100s at 40 %: 1e24 / (1,024 x 989.4e12 x 0.4) seconds, at 2.50 dollars an hour each."""
    cost = scaling(1e24, law="hoffmann-1", cluster="1024xH100", mfu=0.4, price=2.5).answers[0].cost
    assert cost is not None
    assert cost.rate.flops_per_day * cost.days == pytest.approx(1e24)
    assert cost.dollars is not None
    assert cost.rate.flops_per_dollar is not None
    assert cost.rate.flops_per_dollar * cost.dollars == pytest.approx(1e24)
    assert cost.rate.flops_per_dollar == pytest.approx(0.4 * 3600 * cluster("1024xH100").device.peak("bf16") / 2.5)
    free = scaling(1e24, law="hoffmann-1", cluster="1024xH100", mfu=0.4).answers[0].cost
    assert free is not None
    assert free.rate.flops_per_dollar is None


@pytest.mark.parametrize("budget", [{"days": 30}, {"days": "1e-4"}, {"dollars": "1,000,000"}, {"dollars": 0.37}])
@pytest.mark.parametrize("mfu", [0.4, 0.37])
def test_days_and_dollars_say_the_budget_that_takes_them(budget: dict[str, Any], mfu: float) -> None:
    asked: Any = {"law": ["besiroglu", "kaplan"], "cluster": "768xH100", "mfu": mfu, "price": 2.39}
    found = scaling(**budget, **asked)
    for answer in found.answers:
        assert answer.cost is not None
        for name, value in budget.items():
            taken = getattr(answer.cost, name)
            assert taken == pytest.approx(float(str(value).replace(",", "")), rel=1e-15)
            assert getattr(found.question, name) == float(str(value).replace(",", ""))
    same = scaling(found.question.compute, **asked)
    assert [replace(answer, question=found.question) for answer in same.answers] == list(found.answers)


def test_days_of_a_cluster_by_hand() -> None:
    """30 days on 512 H100s at 40 % of 989.4e12."""
    found = scaling(days=30, law="hoffmann-1", cluster="512xH100", mfu=0.4)
    assert found.question.compute == pytest.approx(30 * 86_400 * 512 * 0.4 * cluster("512xH100").device.peak("bf16"))


def test_laws_that_need_a_number_are_asked_with_it_or_by_name() -> None:
    for name, needed in ONLY_WITH.items():
        assert name not in [answer.law.name for answer in scaling("1e23").answers]
        given: dict[str, Any] = {needed: "2T"}
        assert name in [answer.law.name for answer in scaling("1e23", **given).answers]
        assert name in [answer.law.name for answer in scaling("1e23", law=name).answers]


def test_laws_without_repetition_are_named_where_tokens_run_out() -> None:
    assert scaling("1e23").unrepeated == []
    found = scaling("1e23", unique_tokens="25B")
    assert "muennighoff" not in found.unrepeated
    assert found.unrepeated == [a.law.name for a in found.answers if a.passes is None and a.model.tokens > 25e9]
    assert found.unrepeated


def test_the_share_of_equal_loss_is_of_the_models_own_compute() -> None:
    answer = scaling(parameters="280B", tokens="300B", law="hoffmann-3").answers[0]
    assert answer.equal_budget is not None
    assert answer.equal_share == pytest.approx(answer.equal_budget / (6 * 280e9 * 300e9))
    assert scaling("1e23", law="hoffmann-3").answers[0].equal_share is None
