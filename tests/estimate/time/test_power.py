"""Multiplies under a power limit, as measured and as physics wants it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.estimate.time.power import Load, joules, joules_of_attention, made_with, pace, slowest_of
from weighbridge.hardware.catalogue import device
from weighbridge.hardware.speeds import speeds

MEASURED = Path(__file__).parents[3] / "benchmarks/measured/power/h100-80gb-hbm3.jsonl"
BRISK = {"matmul bf16": 786e12, "matmul fp8": 1480e12}
"""FLOP per second of short runs of the measured product, by what multiplies beside copies that draw little attain."""

times = st.floats(0, 1)


def cases() -> list[dict[str, Any]]:
    """What was measured with multiplies in it."""
    rows = [json.loads(line) for line in MEASURED.read_text().splitlines()[1:]]
    return [row for row in rows if row["tflops"]]


@pytest.mark.parametrize("row", cases(), ids=lambda row: str(row["runs"]))
def test_multiplies_run_as_fast_as_measured(row: dict[str, Any]) -> None:
    """What attention and copies took is given; the rate of multiplies is to come out."""
    (name,) = row["tflops"]
    seconds = {kind: row["runs"][kind] * each for kind, each in row["seconds"].items()}
    work = row["runs"][name] * 2 * 8192**3
    load = Load(
        multiplying=work / BRISK[name],
        joules=joules(device("H100"), name.split()[1], work),
        attending=seconds.get("attention", 0.0),
        moving=seconds.get("copy", 0.0),
        waiting=seconds.get("wait", 0.0),
    )
    assert pace(device("H100"), load) * BRISK[name] / 1e12 == pytest.approx(row["tflops"][name], rel=0.035)


@given(times, times, times, st.floats(0.001, 1))
def test_resting_lets_multiplies_run_faster(
    attending: float, moving: float, waiting: float, multiplying: float
) -> None:
    h100 = device("H100")
    energy = joules(h100, "bf16", multiplying * 786e12)
    load = Load(multiplying, energy, attending, moving, waiting)
    found = pace(h100, load)
    assert 0.2 <= found <= 1
    assert pace(h100, replace(load, waiting=waiting + 1)) >= found
    assert pace(replace(h100, tdp_watts=1400), load) >= found


def test_attention_alone_settles_where_it_was_measured() -> None:
    h100 = device("H100")
    rows = [json.loads(line) for line in MEASURED.read_text().splitlines()[1:]]
    (alone,) = (row["seconds"]["attention"] for row in rows if row["runs"] == {"attention": 2})
    work = 4 * 2 * 32 * 128 * 8192**2 / 2
    shape, pairs = (2, 32, 32, 8192, 8192, 128, 128), 8192 * 8193 // 2
    curves = speeds(h100)
    options: dict[str, Any] = {"precision": "bf16", "causal": True, "pairs": pairs}
    brisk = curves.attention(*shape, **options) + curves.attention_backward(*shape, **options)
    load = Load(brisk, joules_of_attention(h100, "bf16", 3.5 * work), 0.0, 0.0, 0.0)
    assert brisk / pace(h100, load) == pytest.approx(alone, rel=0.05)


def test_nothing_is_held_back_without_a_limit_or_an_energy() -> None:
    h100 = device("H100")
    load = Load(1.0, joules(h100, "bf16", 786e12), 0.0, 0.0, 0.0)
    assert pace(replace(h100, tdp_watts=0), load) == 1
    assert pace(h100, replace(load, joules=0.0)) == 1
    assert joules(replace(h100, architecture="vega"), "bf16", 1e12) == 0


def test_the_slowest_of_more_devices_is_slower() -> None:
    assert slowest_of(1) == pytest.approx(1)
    assert slowest_of(8) > slowest_of(64) > slowest_of(4096) > 0.9


def test_a_lower_limit_changes_what_a_device_may_draw_not_what_copies_draw() -> None:
    """479 W that copies draw leave little of 500 for the multiplies between them."""
    h100 = device("H100")
    limited = replace(h100, tdp_watts=500)
    load = Load(1.0, joules(h100, "bf16", 786e12), 0.0, 1.0, 0.0)
    found = pace(limited, load)
    assert made_with(limited) == 700
    assert load.energy(found, 500, 700) == pytest.approx(500 * load.seconds(found), rel=1e-3)
    assert load.energy(1.0, 500, 700) - load.energy(1.0, 700) == 0
    assert found < pace(replace(limited, name="a device of one's own"), load)
