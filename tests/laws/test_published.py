"""What the papers themselves say of their laws, reproduced."""

from __future__ import annotations

import pytest

from weighbridge.laws import LAWS, find
from weighbridge.laws.deepseek import DEEPSEEK
from weighbridge.laws.hoffmann import APPROACH_1, APPROACH_2, APPROACH_3, APPROACH_3_ROUNDED, TABLE_3, TABLE_A3
from weighbridge.laws.kaplan import KAPLAN
from weighbridge.laws.krajewski import KRAJEWSKI
from weighbridge.laws.law import Allocation
from weighbridge.laws.llama3 import LLAMA_3
from weighbridge.laws.muennighoff import MUENNIGHOFF
from weighbridge.laws.sardana import SARDANA, lifetime

GOPHER = 5.76e23
"""The budget of Hoffmann et al. 2022."""


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("hoffmann-1", 67e9),  # table 3
        ("hoffmann-2", 63e9),  # figure 3
        ("hoffmann-3", 40e9),  # figure 4
    ],
)
def test_hoffmann_gophers_budget(name: str, parameters: float) -> None:
    assert find(name).optimum(GOPHER).parameters == pytest.approx(parameters, rel=0.015)


def test_hoffmann_all_approaches_lie_between_40_and_70_billion() -> None:
    sizes = [law.optimum(GOPHER).parameters for law in (APPROACH_1, APPROACH_2, APPROACH_3)]
    assert all(40e9 <= size <= 70e9 for size in sizes)


def test_hoffmann_approach_1_at_1e21_flops() -> None:
    assert APPROACH_1.optimum(1e21).parameters == pytest.approx(2.86e9, rel=0.002)  # section D.4


def test_hoffmann_exponents_of_table_2() -> None:
    assert round(APPROACH_1.exponent, 2) == 0.50
    assert round(APPROACH_2.exponent, 2) == 0.49
    assert round(APPROACH_3.exponent, 2) == 0.46
    assert 0.454 < APPROACH_3.exponent < 0.458


@pytest.mark.parametrize(("parameters", "compute"), TABLE_3)
def test_hoffmann_rows_of_table_3_lie_on_the_line(parameters: float, compute: float) -> None:
    assert APPROACH_1.budget_for_parameters(parameters) == pytest.approx(compute, rel=0.03)


@pytest.mark.parametrize(("parameters", "compute"), TABLE_A3)
def test_hoffmann_rows_of_table_a3_lie_on_the_line(parameters: float, compute: float) -> None:
    assert APPROACH_2.budget_for_parameters(parameters) == pytest.approx(compute, rel=0.07)


@pytest.mark.parametrize(
    ("parameters", "tokens"),
    [(400e6, 7.7e9), (1e9, 20.0e9), (10e9, 219.5e9), (67e9, 1.7e12), (280e9, 7.1e12), (1e12, 26.5e12)],
)
def test_hoffmann_tokens_of_table_a3(parameters: float, tokens: float) -> None:
    compute = APPROACH_2.budget_for_parameters(parameters)
    assert APPROACH_2.optimum(compute).tokens == pytest.approx(tokens, rel=0.07)


@pytest.mark.parametrize(
    ("parameters", "tokens"),
    [(1e9, 27.1e9), (10e9, 410.1e9), (67e9, 4.1e12), (175e9, 12.0e12), (1e12, 94.1e12), (10e12, 1425.5e12)],
)
def test_hoffmann_approach_3_projections_follow_the_unrounded_constants_not_the_printed_ones(
    parameters: float, tokens: float
) -> None:
    """Table A3 lies 6 to 18 % below what the unrounded constants give, and far below what the printed ones give."""
    unrounded, rounded = (
        law.optimum(law.budget_for_parameters(parameters)).tokens for law in (APPROACH_3, APPROACH_3_ROUNDED)
    )
    assert unrounded == pytest.approx(tokens, rel=0.19)
    assert rounded > 1.4 * tokens


def test_hoffmann_rounded_constants_of_eq_10() -> None:
    law = APPROACH_3_ROUNDED
    assert (law.e, law.a, law.b, law.alpha, law.beta) == (1.69, 406.4, 410.7, 0.34, 0.28)
    assert (round(APPROACH_3.e, 2), round(APPROACH_3.a, 1), round(APPROACH_3.b, 1)) == (1.69, 406.4, 410.7)
    assert (round(APPROACH_3.alpha, 2), round(APPROACH_3.beta, 2)) == (0.34, 0.28)


def test_besiroglu_recommends_about_twenty_tokens_per_parameter() -> None:
    for compute in (1e21, 1e22, GOPHER):
        best = find("besiroglu").optimum(compute)
        assert best.tokens / best.parameters == pytest.approx(20, rel=0.1)
    assert round(find("besiroglu").exponent, 3) == 0.513  # type: ignore[attr-defined]


def test_besiroglu_finds_chinchilla_on_its_frontier() -> None:
    law = find("besiroglu")
    loss = law.loss(70e9, 1.4e12)
    assert loss is not None
    assert law.budget_for_loss(loss) == pytest.approx(6 * 70e9 * 1.4e12, rel=0.005)


def test_kaplan_as_hoffmann_reads_it() -> None:
    assert KAPLAN.optimum(1e21).parameters == pytest.approx(4.68e9, rel=0.001)  # Hoffmann et al. 2022, section D.4


def test_llama_3_of_its_flagship() -> None:
    best = LLAMA_3.optimum(3.8e25)
    assert best.parameters == pytest.approx(402e9)
    assert best.tokens == pytest.approx(16.55e12)


def test_deepseek_eq_4_in_both_halves() -> None:
    for compute in (1e17, 3e20, 1e24):
        best = DEEPSEEK.optimum(compute)
        assert 6 * best.parameters == pytest.approx(0.1715 * compute**0.5243)
        assert best.tokens == pytest.approx(5.8316 * compute**0.4757, rel=2e-4)


def test_deepseek_batch_and_rate_of_its_7b() -> None:
    """Table 2: 2,304 sequences of 4,096 tokens and a rate of 4.2e-4, trained on 2T tokens."""
    compute = (72 * 30 * 4096**2 + 12 * 30 * 4096 * 4096) * 2e12  # eq. 2
    extras = {extra.name: extra.value for extra in DEEPSEEK.extras(compute)}
    assert extras["batch size"] == pytest.approx(2304 * 4096, rel=0.03)
    assert extras["learning rate"] == pytest.approx(4.2e-4, rel=0.02)


def test_muennighoff_losses_that_its_repository_prints() -> None:
    from dataclasses import replace

    law = replace(MUENNIGHOFF, unique=25e9)
    assert law.loss(6.34e9, 242e9) == pytest.approx(2.2256440889984477, abs=1e-12)
    assert law.loss(8.67e9, 178e9) == pytest.approx(2.2269634075087867, abs=1e-12)


def test_muennighoff_constants_of_eq_18() -> None:
    assert (round(MUENNIGHOFF.a), round(MUENNIGHOFF.b), round(MUENNIGHOFF.e, 2)) == (521, 1488, 1.87)
    assert MUENNIGHOFF.optimum_of_tokens(1e9) == pytest.approx(0.051e9, rel=0.01)


def test_muennighoff_of_figure_1_trains_a_smaller_model_for_more_passes() -> None:
    from dataclasses import replace

    law = replace(MUENNIGHOFF, unique=25e9)
    best, fresh = law.optimum(9.26e21), MUENNIGHOFF.optimum(9.26e21)
    assert fresh.parameters == pytest.approx(8.67e9, rel=0.03)
    assert fresh.tokens == pytest.approx(178e9, rel=0.03)
    assert best.parameters < 0.82 * fresh.parameters
    assert law.loss(best.parameters, best.tokens) <= law.loss(6.34e9, 242e9)


def test_sardana_of_figure_1() -> None:
    """A 13B model's quality at 2T tokens served: 7B on more data take 1.7e22 FLOPs, 17 %, less."""
    compute = SARDANA.budget_for_parameters(13e9)
    life = lifetime(SARDANA, Allocation(13e9, SARDANA.optimum(compute).tokens), 2e12)
    assert life.best.parameters == pytest.approx(7e9, rel=0.01)
    assert life.flops(life.reference) - life.flops(life.best) == pytest.approx(1.7e22, rel=0.01)
    assert round(100 * life.saved) == 17


@pytest.mark.parametrize(
    ("parameters", "tokens", "granularity", "compute", "loss"),
    [
        (100e6, 4.37e9, 8, 2.95e18, 3.133),
        (1e9, 28.94e9, 16, 1.93e20, 2.491),
        (3e9, 72.90e9, 16, 1.41e21, 2.245),
        (7e9, 137.60e9, 32, 6.46e21, 2.076),
        (70e9, 941.07e9, 32, 4.16e23, 1.694),
        (300e9, 2.96e12, 64, 5.69e24, 1.503),
        (1e12, 7.94e12, 64, 4.97e25, 1.367),
    ],
)
def test_krajewski_table_2(parameters: float, tokens: float, granularity: int, compute: float, loss: float) -> None:
    best, chosen = KRAJEWSKI.best(compute)
    assert chosen == granularity
    assert best.parameters == pytest.approx(parameters, rel=0.03)
    assert best.tokens == pytest.approx(tokens, rel=0.03)
    assert KRAJEWSKI.least_loss(compute) == pytest.approx(loss, rel=0.01)  # constants are printed to three digits
    assert KRAJEWSKI.flops_per_token(parameters, granularity) * tokens == pytest.approx(compute, rel=0.005)


def test_every_law_says_where_its_constants_and_runs_were_read() -> None:
    for law in LAWS.values():
        assert law.source.startswith("arXiv:")
        assert law.fitted.source
        assert law.fitted.compute or law.fitted.parameters
        assert law.data
        assert law.title
