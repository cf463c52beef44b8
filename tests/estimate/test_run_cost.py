"""The cost of a run against published runs and formulas, a simulation, and its own properties."""

from __future__ import annotations

import random
from dataclasses import fields, replace
from typing import Any

import pytest

from weighbridge.errors import InputError
from weighbridge.estimate.run_cost import RunCost
from weighbridge.report.formula import expression, symbols
from weighbridge.traced import plain

RUN = RunCost(
    tokens=15_000_000_000_000,
    tokens_per_step=8_388_608,
    step_seconds=5.0,
    gpus=16_384,
    parameters=405_853_388_800,
    price_per_gpu_hour=2.5,
    mean_watts=600.0,
    pue=1.1,
    grid_kg_per_kwh=0.385,
    mtbf_gpu_hours=50_677.0,
    checkpoint_bytes=5_681_947_443_200,
    storage_bytes_per_second=2e12,
    restart_seconds=600.0,
)


def interrupted(hours: float, write: float, restart: float = 600.0) -> RunCost:
    """A run on one GPU that is interrupted every so many hours, whose checkpoint takes so many seconds."""
    return replace(
        RUN, gpus=1, mtbf_gpu_hours=hours, checkpoint_bytes=round(write * 1e9), storage_bytes_per_second=1e9,
        restart_seconds=restart, step_seconds=0.001,
    )  # fmt: skip


@pytest.mark.parametrize(("hours", "minutes"), [(24, 117), (6, 57), (0.25, 9.1)])
def test_the_interval_is_dalys(hours: float, minutes: float) -> None:
    """Daly 2006, captions of figures 3 to 5: checkpoints of 5 minutes."""
    assert interrupted(hours, 300).checkpoint_interval / 60 == pytest.approx(minutes, rel=0.007)


def test_the_interval_is_youngs_where_writing_is_quick() -> None:
    """Young 1974: the root of twice the writing time and the time between failures."""
    run = interrupted(24, 0.1)
    assert run.checkpoint_interval == pytest.approx((2 * 0.1 * 86_400) ** 0.5, rel=1e-3)


def test_another_interval_is_worse() -> None:
    run = interrupted(6, 300)
    best = run.goodput
    for factor in (0.5, 0.8, 1.25, 2.0):
        longer = run.checkpoint_interval * factor
        other = _goodput(longer, 300, 6 * 3600, 900)
        assert other < best


def _goodput(interval: float, write: float, between: float, recovery: float, seed: int = 7) -> float:
    """A simulated run: failures come at random, each loses what was done since the last checkpoint."""
    dice, done, clock = random.Random(seed), 0.0, 0.0
    fails = dice.expovariate(1 / between)
    while done < 20_000 * interval:
        if clock + interval + write <= fails:
            clock, done = clock + interval + write, done + interval
            continue
        clock = fails
        fails = clock + dice.expovariate(1 / between)
        while clock + recovery > fails:  # fails again before it goes on
            clock, fails = fails, fails + dice.expovariate(1 / between)
        clock += recovery
    return done / clock


@pytest.mark.parametrize(("hours", "write", "restart"), [(24, 300, 600), (3, 30, 600), (1, 60, 120)])
def test_goodput_is_what_a_simulated_run_attains(hours: float, write: float, restart: float) -> None:
    run = interrupted(hours, write, restart)
    simulated = _goodput(run.checkpoint_interval, write, hours * 3600, restart + write)
    assert run.goodput == pytest.approx(simulated, rel=0.01)


def test_goodput_of_llama_3() -> None:
    """Llama 3 (2024), section 3.3.4: more than 90 % effective training time on 16,384 GPUs."""
    assert 0.90 < RUN.goodput < 0.95


def test_energy_and_co2_as_published() -> None:
    """Touvron et al. 2023, section 6, as DINOv3 (2025), table 20, has it for MetaCLIP: 368,640 hours of an A100 of
    400 W, PUE 1.1: 160 MWh, 62 t.
    """
    hours = 368_640
    run = replace(RUN, gpus=1, mean_watts=400.0, tokens=1, tokens_per_step=1, mtbf_gpu_hours=1e9, checkpoint_bytes=1)
    run = replace(run, step_seconds=hours * 3600.0)
    assert run.gpu_hours == pytest.approx(hours, rel=1e-3)
    assert run.energy_kwh == pytest.approx(160_000, rel=0.02)
    assert run.co2_kg == pytest.approx(62_000, rel=0.02)


def test_money_is_hours_times_the_price() -> None:
    assert RUN.steps == -(-15_000_000_000_000 // 8_388_608)
    assert RUN.busy_seconds == RUN.steps * 5.0
    assert RUN.gpu_hours == pytest.approx(RUN.days * 24 * 16_384)
    assert RUN.dollars == pytest.approx(2.5 * RUN.gpu_hours)
    assert RUN.dollars_per_billion_parameters == pytest.approx((RUN.dollars or 0) / 405.8533888)


def test_what_is_not_known_is_left_out() -> None:
    bare = replace(RUN, price_per_gpu_hour=None, mean_watts=None)
    assert (bare.dollars, bare.dollars_per_billion_parameters, bare.energy_kwh, bare.co2_kg) == (None,) * 4
    assert bare.explainable == ("gpu_hours", "goodput", "days", "interruptions")
    with pytest.raises(InputError, match="allowed: gpu_hours, goodput, days, interruptions"):
        bare.explained("dollars")


@pytest.mark.parametrize("quantity", RunCost.figures)
def test_the_explanation_is_the_number(quantity: str) -> None:
    traced = RUN.explained(quantity)
    assert plain(traced) == getattr(RUN, quantity)
    from weighbridge import arithmetic

    known = {name: getattr(arithmetic, name) for name in arithmetic.OPERATORS if hasattr(arithmetic, name)}
    assert eval(expression(traced), known | symbols(traced)) == pytest.approx(plain(traced), rel=1e-12)
    assert set(symbols(traced)) <= {field.name for field in fields(RunCost)}


@pytest.mark.parametrize(
    ("field", "worse"),
    [
        ("mtbf_gpu_hours", 20_000.0),
        ("storage_bytes_per_second", 2e11),
        ("restart_seconds", 3600.0),
        ("gpus", 50_000),
        ("checkpoint_bytes", 20_000_000_000_000),
    ],
)
def test_more_interruptions_and_slower_storage_cost_goodput(field: str, worse: Any) -> None:
    assert 0 < replace(RUN, **{field: worse}).goodput < RUN.goodput < 1


@pytest.mark.parametrize("changes", [{"mtbf_gpu_hours": 1.0}, {"storage_bytes_per_second": 1e6}])
def test_a_run_that_is_never_done_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"^mtbf: interrupted every .* the run would never be done"):
        replace(RUN, **changes).check()
    RUN.check()
