"""Memory outside the allocator: which communicators a plan has, and what each takes."""

from __future__ import annotations

from typing import Any

import pytest

import weighbridge as wb
from weighbridge.estimate.memory.outside import MIB, Ranks, buffers, channels, communicators, outside
from weighbridge.formats.cluster import load_cluster
from weighbridge.hardware import Cluster

E8 = {"expert": 8}


def cluster(text: str) -> Cluster:
    return load_cluster(text)


def of(text: str, framework: str = "megatron", **fields: Any) -> list[tuple[int, int, int]]:
    plan = wb.Plan.under(framework, gpus=cluster(text).gpus, **fields)
    return [(found.count, found.apart, found.peers) for found in communicators(plan) if found.count > 1]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("8xV100-32GB", 12), ("8xA100", 24), ("8xH800", 16), ("8xH100", 24), ("8xB200", 32), ("8xL40S", 2)],
)
def test_channels_are_those_that_logs_show(text: str, expected: int) -> None:
    assert channels(cluster(text)) == expected


def test_communicators_of_a_plan() -> None:
    world = (64, 1, 0)
    assert of("64xH100", tensor=8, pipeline=4) == [(8, 1, 0), (2, 8, 0), (4, 16, 2), world]
    assert of("64xH100", context=2) == [(2, 1, 1), (64, 1, 0), world]
    assert of("64xH100", expert=8) == [(64, 1, 0), world, (8, 1, 7), (8, 8, 0)]
    assert of("64xH100", "torchtitan", tensor=2) == [(2, 1, 0), (32, 2, 0)]
    assert of("1xH100") == []


def test_an_exchange_of_eight_gpus_takes_what_was_reported() -> None:
    """NVIDIA/nccl issue 1685: the first all-to-all of 8 H100 took 3.3 GB more, in buffers of 10 and 2 MiB."""
    found = buffers(Ranks(8, 1, 7), cluster("8xH100"))
    assert found == 7 * 32 * 12 * MIB
    assert 2.5e9 < found < 3.3e9


def test_rings_inside_and_across_servers() -> None:
    one, two = cluster("8xA100"), cluster("16xA100")
    assert buffers(Ranks(8), one) == 24 * 12 * MIB
    assert buffers(Ranks(16), two) == 16 * 12 * MIB + 2 * 8 * MIB
    assert buffers(Ranks(2, 8), two) == 2 * 20 * MIB
    assert buffers(Ranks(2, 8, 1), two) == 2 * 4 * MIB


def test_a_single_gpu_has_its_context_only() -> None:
    alone, many = cluster("1xH100"), cluster("8xH100")
    assert outside(wb.Plan.under(), alone) == alone.device.context_bytes
    training = wb.train("gpt2", wb.Plan.under(gpus=8, sequence=1024), many)
    assert training.stages[0].outside == many.device.context_bytes + 2 * 288 * MIB
    assert training.stages[0].device_total == training.stages[0].peak_reserved + training.stages[0].outside
