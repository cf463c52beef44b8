"""Seconds of whole steps."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weighbridge.estimate.time.bounds import MODULES
from weighbridge.estimate.time.step import StepTime, step_time
from weighbridge.estimate.training import Training, train
from weighbridge.hardware import cluster
from weighbridge.models import Model
from weighbridge.nn import CausalLM, DecoderLayer, Embedding, GatedMLP, GroupedQueryAttention, Head, Repeat, RMSNorm
from weighbridge.parallel.plan import Plan
from weighbridge.parallel.recompute import Method, Recompute

H = 1024


def network(layers: tuple[Repeat, ...]) -> Model:
    return Model.of(CausalLM(Embedding(32000, H), layers, RMSNorm(H), Head(H, 32000)))


def layer() -> DecoderLayer:
    return DecoderLayer(H, GroupedQueryAttention(H, 8, 4, 128), GatedMLP(H, 4096))


def time(model: Any = "llama-3.1-8b", machines: str = "16xH100", **plan: Any) -> StepTime:
    chosen = {"gpus": int(machines.split("x")[0]), "sequence": 4096, "global_batch": 32} | plan
    found = step_time(train(model, Plan.under(chosen.pop("framework", "megatron"), **chosen), machines))
    assert found is not None
    return found


PLANS: dict[str, dict[str, Any]] = {
    "data": {},
    "tensor": {"tensor": 8, "sequence_parallel": True},
    "pipeline": {"pipeline": 4},
    "interleaved": {"pipeline": 4, "virtual": 2, "tensor": 2, "sequence_parallel": True},
    "context": {"context": 4, "sequence": 16384},
    "sharded": {"framework": "torchtitan"},
}


@pytest.mark.parametrize("name", PLANS)
def test_the_breakdown_is_the_step(name: str) -> None:
    found = time(**PLANS[name])
    assert sum(found.breakdown.values()) == pytest.approx(found.step_seconds, rel=1e-6)
    computing = sum(seconds for name, seconds in found.breakdown.items() if name in MODULES)
    assert computing > 0.25 * found.step_seconds
    assert found.tokens_per_second == pytest.approx(32 * found.training.plan.sequence / found.step_seconds)
    assert found.tokens_per_second_per_gpu == pytest.approx(found.tokens_per_second / 16)
    assert 0.1 < found.mfu <= found.hfu < 0.9


def test_without_a_cluster_there_is_no_time() -> None:
    assert step_time(train("gpt2")) is None


def test_recomputing_takes_longer_and_is_in_the_hardware_rate() -> None:
    plain, again = (time(recompute=recompute) for recompute in (Recompute(), Recompute(Method.UNIFORM)))
    assert 1.2 < again.step_seconds / plain.step_seconds < 1.4
    assert plain.hfu == plain.mfu
    assert again.hfu / again.mfu == pytest.approx(4 / 3, rel=0.05)


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 4), st.sampled_from(["megatron", "hf-sdpa", "torchtitan"]), st.sampled_from([1, 2]))
def test_folded_layers_take_as_long_as_layers_written_out(count: int, framework: str, micro_batch: int) -> None:
    plan: dict[str, Any] = {"framework": framework, "micro_batch": micro_batch, "sequence": 512}
    folded = time(network((Repeat(layer(), count),)), **plan)
    written = time(network(tuple(Repeat(layer(), 1, name=f"layer_{i}") for i in range(count))), **plan)
    assert folded.step_seconds == pytest.approx(written.step_seconds, rel=1e-9)


def test_many_micro_batches_take_what_all_of_them_would() -> None:
    """Those in the middle are not walked one by one; the step is as long as if they were."""
    few, more = (time(machines="8xH100", pipeline=4, global_batch=size) for size in (128, 256))
    assert more.shown < int(more.training.plan.micro_batches)
    assert (more.step_seconds - few.step_seconds) / 64 == pytest.approx(more.period, rel=1e-3)


def test_more_stages_wait_longer() -> None:
    waits = [time(pipeline=p, global_batch=16).breakdown["pipeline bubble"] for p in (2, 4, 8)]
    assert waits[0] < waits[1] < waits[2]


def test_a_lower_power_limit_is_slower() -> None:
    training: Training = time().training
    machines = cluster("16xH100")
    weak = replace(machines, device=replace(machines.device, tdp_watts=500))
    assert StepTime(training, weak).step_seconds > 1.05 * StepTime(training, machines).step_seconds


def test_a_tied_head_takes_as_long_as_another() -> None:
    tied, own = (
        Model.of(CausalLM(Embedding(32000, H), (Repeat(layer(), 2),), RMSNorm(H), Head(H, 32000, tied)))
        for tied in (True, False)
    )
    heads = [time(model, machines="1xH100", global_batch=1).breakdown["head"] for model in (tied, own)]
    assert heads[0] == pytest.approx(heads[1], rel=1e-9)
