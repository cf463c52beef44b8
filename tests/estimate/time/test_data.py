"""What data parallel ranks send, and the optimizer's step."""

from __future__ import annotations

from typing import Any

import pytest

from weighbridge.estimate.time.data import DataParallel
from weighbridge.estimate.training import train
from weighbridge.parallel.execution import Execution
from weighbridge.parallel.plan import Offload, Plan
from weighbridge.parallel.zero import Engine, Zero


def data(**plan: Any) -> DataParallel:
    framework = plan.pop("framework", "megatron")
    training = train("llama-3.1-8b", Plan.under(framework, gpus=16, sequence=4096, global_batch=32, **plan), "16xH100")
    assert training.time is not None
    return training.time.stages[0].data


def test_what_overlaps_leaves_its_last_bucket() -> None:
    apart = data(execution=Execution())
    assert apart.tail(100.0) == apart.reducing
    assert apart.head(100.0) == apart.gathering
    beside = data()
    assert beside.reducing / beside.buckets <= beside.tail(100.0) < 0.5 * beside.reducing
    assert beside.tail(0.0) == beside.reducing


def test_spread_weights_travel_with_layers() -> None:
    assert data(framework="torchtitan").tail(0.0) == 0
    assert data(framework="torchtitan").gathered(0, 0) > 0
    assert data(zero=Zero(0)).gathering == 0


def test_spread_states_are_updated_by_shares() -> None:
    assert data(zero=Zero(1)).optimizer < 0.4 * data(zero=Zero(0)).optimizer


def test_a_step_of_the_host_takes_longer() -> None:
    here, there, half = (data(offload=Offload(optimizer=share)).optimizer for share in (0.0, 1.0, 0.5))
    assert there > 5 * here
    assert here < half < there


def moved(name: str, **plan: Any) -> float:
    """Seconds of kernels of a name on the first stage, for one micro-batch."""
    training = train(
        "llama-3.1-8b", Plan.under("torchtitan", gpus=16, sequence=4096, global_batch=32, **plan), "16xH100"
    )
    assert training.time is not None
    runs = [run for own in training.time.stages[0].passes for run in own.runs]
    return sum(k.seconds * count for doing, count in runs for k in doing.kernels if k.name == name)


def test_layers_are_copied_out_of_what_is_gathered_and_into_what_is_reduced() -> None:
    """Weights of 16 bits read and written, twice where they are gathered again; gradients of 16 bits to 32."""
    weights, bandwidth = 8.03e9, 3.35e12
    assert moved("copy out") * bandwidth > 2 * 4 * weights
    assert moved("copy out", zero=Zero(3, Engine.FSDP2, reshard=False)) == pytest.approx(
        moved("copy out") / 2, rel=0.01
    )
    assert moved("copy in") == pytest.approx(moved("copy out") * 6 / 8, rel=0.05)
    assert moved("copy in", zero=Zero(3, Engine.FSDP2, flat=True)) == 0


def test_groups_that_each_hold_the_whole_gather_by_themselves_and_sum_over_one_another() -> None:
    """Two servers of eight: weights stay inside, gradients cross by an eighth."""
    whole, groups = data(framework="torchtitan"), data(framework="torchtitan", zero=Zero(3, Engine.FSDP2, instances=2))
    assert groups.gathered(0, 1) < whole.gathered(0, 1)
    size = 4 * groups.stage.gathering.groups[0][1].dense
    scattered = groups.clock.message("reduce_scatter", size, 8)
    assert groups.reduced(0, 1) == pytest.approx(scattered + groups.clock.message("all_reduce", size // 8, 2, 8))
