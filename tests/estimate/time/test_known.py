"""Steps that cannot be timed say why."""

from __future__ import annotations

import pytest

import weighbridge as wb
from weighbridge.errors import InputError
from weighbridge.hardware import catalogue
from weighbridge.parallel.precision import pure

PLAN = wb.Plan.under(gpus=2, sequence=1024)


def test_without_a_cluster() -> None:
    found = wb.train("gpt2", PLAN)
    assert (found.time, found.untimed) == (None, "no cluster is given")


def test_processors_whose_link_nobody_published() -> None:
    found = wb.train("gpt2", PLAN, "2xXeon-8480")
    assert found.time is None
    assert "Xeon" in found.untimed
    assert "time  not estimated: how fast" in str(found)
    with pytest.raises(InputError, match=r"^tokens: what a run costs depends on how long a step takes, and how fast"):
        found.cost("1B")
    alone = wb.train("gpt2", wb.Plan.under(gpus=1, sequence=1024), "1xXeon-8480")
    assert alone.untimed == ""
    assert alone.time is not None


def test_every_device_of_the_catalogue_is_timed_or_says_why() -> None:
    timed = 0
    for device in (entry.device for entry in catalogue.entries()):
        name = "bf16" if "bf16" in device.peak_flops else "fp16"
        if name not in device.peak_flops:
            continue
        plan = wb.Plan.under(gpus=16, sequence=1024, precision=pure(name))
        found = wb.train("gpt2", plan, wb.cluster(f"16x{device.name}"))
        assert (found.time is None) is bool(found.untimed)
        if found.time is not None:
            assert found.time.step_seconds > 0
            assert found.cost("1B").run.days > 0
            timed += 1
    assert timed > 50
