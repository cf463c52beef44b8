"""The energy of tokens: between what a waiting and a multiplying device draws."""

from __future__ import annotations

import pytest

import weighbridge as wb
from weighbridge.estimate.inference.energy import drawn, energy_per_million
from weighbridge.estimate.time.power import WAITING


@pytest.mark.parametrize(("cluster", "tensor"), [("H100", 1), ("8xH100", 8)])
def test_power_lies_between_waiting_and_the_limit(cluster: str, tensor: int) -> None:
    inference = wb.infer("llama-3.1-8b", cluster=cluster, tensor=tensor, batch=16)
    for run in (inference.prefill, inference.decode):
        watts = 700 * drawn(run, "own").at_the_limit / run.seconds
        assert 700 * WAITING < watts <= 700


def test_more_users_share_the_energy_of_a_pass() -> None:
    one, many = (energy_per_million(wb.infer("llama-3.1-8b", cluster="H100", batch=batch)) for batch in (1, 32))
    assert one is not None
    assert many is not None
    assert many["output"] < one["output"] / 8
    assert many["input"] == one["input"]


def test_without_a_known_power_there_is_none() -> None:
    assert energy_per_million(wb.infer("gpt2", cluster="Xeon-8480")) is not None
    assert energy_per_million(wb.infer("gpt2", cluster="M2-Max")) is None
