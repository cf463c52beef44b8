"""The power that a device draws on average."""

from __future__ import annotations

from dataclasses import replace

import pytest

import weighbridge as wb
from tests.estimate.time.steps import STEPS
from weighbridge.estimate.time.draw import mean_watts
from weighbridge.estimate.time.power import WAITING


@pytest.mark.parametrize("name", STEPS)
def test_between_waiting_and_the_limit(name: str) -> None:
    time = STEPS[name].time
    assert time is not None
    limit = time.cluster.device.tdp_watts
    watts = mean_watts(time)
    assert limit is not None
    assert watts is not None
    assert WAITING * limit < watts <= limit


def watts(cluster: str, batch: int, pipeline: int = 1) -> float | None:
    plan = wb.Plan.under(gpus=4, pipeline=pipeline, sequence=1024, global_batch=batch)
    time = wb.train("gpt2", plan, cluster).time
    assert time is not None
    return mean_watts(time)


def test_waiting_stages_draw_less() -> None:
    few, many = watts("4xA100", 4, 4), watts("4xA100", 64, 4)
    assert few is not None
    assert many is not None
    assert few < many


def test_the_limit_where_the_energy_of_multiplies_is_not_known() -> None:
    assert watts("4xMI300X", 8) == 750


def test_nothing_where_no_limit_is_known() -> None:
    cluster = wb.cluster("4xA100")
    dark = replace(cluster, device=replace(cluster.device, tdp_watts=None))
    time = wb.train("gpt2", wb.Plan.under(gpus=4, sequence=1024), dark).time
    assert time is not None
    assert mean_watts(time) is None
