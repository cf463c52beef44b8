"""What sharding holds beside the shards, by hand for two layers of Llama 3.1 8B."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

import weighbridge as wb
from weighbridge.estimate.memory.fsdp import Fsdp2
from weighbridge.estimate.memory.ledger import Line
from weighbridge.estimate.memory.stage import Stage
from weighbridge.estimate.memory.timeline import timeline
from weighbridge.estimate.training import Training
from weighbridge.formats.loading import load
from weighbridge.parallel.plan import Plan
from weighbridge.parallel.precision import Precision, Recipe
from weighbridge.parallel.recompute import PER_OPERATION, Method, Recompute, Saves
from weighbridge.parallel.zero import Engine, Zero
from weighbridge.replay import Direction

H, KV, F, V, S, HEADS = 4096, 1024, 14336, 128256, 1024, 32
LAYER = 2 * H * H + 2 * H * KV + 3 * H * F + 2 * H
EMBEDDING = HEAD = V * H
MODEL = load("llama-3.1-8b", {"num_hidden_layers": 2})


def training(framework: str = "torchtitan-compiled", gpus: int = 8, **fields: Any) -> Training:
    fields = {"sequence": S, "global_batch": gpus} | fields
    return Training(MODEL, Plan.under(framework, gpus=gpus, **fields))


def one(framework: str = "torchtitan-compiled", gpus: int = 8, **fields: Any) -> Stage:
    return training(framework, gpus, **fields).stages[0]


def beside(stage: Stage, run: int, direction: Direction, behind: int = 0) -> tuple[int, int, int]:
    found = stage.gathering.beside(0, run, direction, behind)
    return found.own, found.gather, found.gradients


def test_fsdp2_gathers_a_layer_twice_in_the_forward_pass() -> None:
    stage = one()
    assert beside(stage, 0, Direction.FORWARD) == (2 * EMBEDDING, 2 * EMBEDDING, 0)
    assert beside(stage, 1, Direction.FORWARD) == (2 * LAYER, 2 * LAYER, 0)
    assert beside(stage, 2, Direction.FORWARD) == (2 * (HEAD + H), 2 * (HEAD + H), 0)


def test_fsdp2_reduces_the_layer_before_while_a_layer_runs_backward() -> None:
    stage = one()
    whole = 2 * LAYER + 2 * LAYER  # weights and gradients in bf16
    assert beside(stage, 1, Direction.BACKWARD) == (whole + 4 * (HEAD + H), 2 * LAYER, (HEAD + H) // 2)
    assert beside(stage, 1, Direction.BACKWARD, 1) == (whole + 4 * LAYER, 2 * LAYER, (HEAD + H + LAYER) // 2)


def test_one_root_group_stays_gathered() -> None:
    stage = one(zero=Zero(3, Engine.FSDP2, splits_root=False))
    root = EMBEDDING + HEAD + H
    assert beside(stage, 1, Direction.FORWARD) == (2 * root + 2 * LAYER, 2 * LAYER, 0)
    assert beside(stage, 2, Direction.FORWARD) == (2 * root + 2 * LAYER, 2 * LAYER, 0)
    assert beside(stage, 1, Direction.BACKWARD)[0] == 2 * root + 4 * LAYER + 2 * (HEAD + H)


def test_weights_that_are_not_freed_stand_until_their_backward_pass() -> None:
    stage = one(zero=Zero(3, Engine.FSDP2, reshard=False))
    assert beside(stage, 2, Direction.FORWARD)[0] == 2 * (HEAD + H) + 2 * 2 * LAYER


def test_replicas_reduce_shards_among_themselves() -> None:
    plain, hybrid = (one(gpus=8, zero=Zero(3, Engine.FSDP2, instances=n)) for n in (1, 2))
    more = beside(hybrid, 1, Direction.BACKWARD, 1)[0] - beside(plain, 1, Direction.BACKWARD, 1)[0]
    assert more == 4 * LAYER // 4


def test_eight_bit_weights_are_gathered_in_eight_bits() -> None:
    stage = one()
    precision = replace(stage.training.plan.precision, parameters_in_fp8=True)
    low = one(precision=precision)
    assert beside(low, 1, Direction.FORWARD)[0] == (LAYER - 2 * H) + 2 * 2 * H
    assert beside(low, 2, Direction.FORWARD) == beside(stage, 2, Direction.FORWARD)


def test_pools_of_other_streams() -> None:
    stage = one()
    assert isinstance(stage.gathering, Fsdp2)
    now = stage.gathering.at(stage.peak)
    shares = stage.states.gradients - now.gradients
    assert stage.gathering.pools(stage.peak) == 2 * (HEAD + H + LAYER) - now.gather + shares


def test_a_pipeline_keeps_weights_and_gradients_whole() -> None:
    stage = one(gpus=16, pipeline=2, global_batch=16)
    stream = 2 * S * H
    received = (2 + 2) * stream  # first stage: gradients and results of two micro-batches
    assert stage.gathering.standing == (2 + 4) * (EMBEDDING + LAYER) + received
    last = training(gpus=16, pipeline=2, global_batch=16).stages[1]
    assert last.gathering.standing == (2 + 4) * (LAYER + H + HEAD) + (2 - 1) * stream + 2 * 2 * S * V


@pytest.mark.parametrize("engine", list(Engine))
def test_one_rank_holds_nothing_beside(engine: Engine) -> None:
    alone, spread = (one(gpus=1, zero=Zero(stage, engine)) for stage in (0, 3))
    assert spread.static_allocated == alone.static_allocated
    assert spread.gathering.standing == 0
    assert spread.gathering.at(spread.peak).communication == 0


@pytest.mark.parametrize("engine", [Engine.MEGATRON, Engine.DEEPSPEED, Engine.MEGATRON_FSDP])
def test_more_sharding_holds_no_more_states(engine: Engine) -> None:
    stages = [one("hf-sdpa", zero=Zero(stage, engine, bucket=10_000)) for stage in range(4)]
    static = [stage.static_allocated for stage in stages]
    assert static == sorted(static, reverse=True)


def test_deepspeed_has_buckets() -> None:
    second, third = (one("hf-sdpa", zero=Zero(stage, Engine.DEEPSPEED, bucket=500_000_000)) for stage in (2, 3))
    assert second.gathering.standing == 0
    assert beside(second, 1, Direction.BACKWARD) == (2 * 500_000_000, 0, 0)
    assert third.gathering.standing == 2 * 500_000_000 + 2 * 5 * H  # small weights: five norms
    assert beside(third, 1, Direction.FORWARD) == (2 * LAYER + 2 * 50_000_000, 0, 0)


def fsdp(device: str = "H100", **choices: Any) -> Stage:
    """Llama-3.1-8b in Megatron-FSDP's shards, with 8-bit weights."""
    plan = wb.Plan.under(gpus=16, zero=Zero(3, Engine.MEGATRON_FSDP, **choices))
    stored = replace(plan, precision=Precision(recipe=Recipe.TENSORWISE, parameters_in_fp8=True))
    return wb.train("llama-3.1-8b", stored, f"16x{device}").stages[0]


MATRICES = 4096 * (4096 + 2 * 1024) + 4096 * 4096 + 3 * 4096 * 14336
"""Elements of the matrices of one of its layers, of which there are 32; two norms stand beside them."""
GATHERED = MATRICES + 2 * 2 * 4096


def test_megatron_fsdp_makes_transposes_of_a_layer_for_its_backward_pass() -> None:
    found = fsdp()
    gradients = 4 * (MATRICES + 2 * 4096)
    assert beside(found, 1, Direction.FORWARD) == (2 * GATHERED, 0, 0)
    assert beside(found, 1, Direction.BACKWARD) == (2 * GATHERED + 2 * gradients + MATRICES, 0, 0)
    assert beside(fsdp("B200"), 1, Direction.BACKWARD) == (2 * GATHERED + 2 * gradients, 0, 0)
    kept = fsdp(keeps_transposes=True)
    assert beside(kept, 1, Direction.BACKWARD) == (2 * GATHERED + 2 * gradients, 0, 0)
    assert (found.gathering.standing, kept.gathering.standing) == (0, 32 * MATRICES)
    others = 2 * 2 * 128_256 * 4096 + 2 * (2 * 32 + 1) * 4096
    assert found.states.weights == pytest.approx((32 * MATRICES + others) / 16, rel=2e-3)  # whole segments


def test_fixed_buffers_of_megatron_fsdp_stand_for_good() -> None:
    found = fsdp(fixed_buffers=True)
    assert found.gathering.standing == 2 * GATHERED + 2 * 4 * (MATRICES + 2 * 4096)
    assert beside(found, 1, Direction.FORWARD) == (0, 0, 0)
    assert beside(found, 0, Direction.FORWARD) == beside(fsdp(), 0, Direction.FORWARD) > (0, 0, 0)


def test_replicas_of_megatron_fsdp_may_share_the_optimizers_states() -> None:
    apart, shared, one_group = fsdp(instances=2), fsdp(instances=2, spreads_replicas=True), fsdp()
    assert shared.states.optimizer == one_group.states.optimizer == pytest.approx(apart.states.optimizer / 2, rel=2e-3)
    assert shared.states.weights == apart.states.weights == pytest.approx(2 * one_group.states.weights, rel=2e-3)
    assert shared.states.gradients == apart.states.gradients


def test_buckets_of_distributed_data_parallel_are_a_copy_of_the_gradients() -> None:
    stage = one("hf-sdpa")
    assert stage.gathering.standing == stage.states.gradients


@pytest.mark.parametrize("pipeline", [1, 2])
def test_ledger_explanation_and_timeline_agree(pipeline: int) -> None:
    step = training(gpus=16, pipeline=pipeline, global_batch=16, recompute=Recompute(Method.UNIFORM))
    for stage, track in zip(step.stages, timeline(step).tracks, strict=True):
        assert stage.ledger.total == stage.peak_allocated == max(sample.bytes for sample in track.samples)
        for line in Line:
            explained = stage.explained(line)
            assert getattr(explained, "value", explained) == stage.ledger.lines[line]


def kept(framework: str, recompute: Recompute, **kernels: Any) -> dict[str, int]:
    step = training(framework, recompute=recompute)
    if kernels:
        step = replace(step, plan=replace(step.plan, kernels=replace(step.plan.kernels, **kernels)))
    found: dict[str, int] = {}
    for tensor, times in step.stages[0].runs[0][1].weighed.replay.kept:
        found[tensor.name] = found.get(tensor.name, 0) + times * step.size(tensor)
    return found


PER_OP = Recompute(Method.UNIFORM, saves=PER_OPERATION)


def test_per_operation_checkpointing_keeps_every_second_multiply() -> None:
    """wq, wv, w1 and w2 of wq, wk, wv, wo, w1, w3, w2; attention; the layer's input."""
    eager = kept("torchtitan", PER_OP)
    assert eager == {
        "embedded": 2 * S * H,
        "projection": 2 * S * (H + KV + F + H),
        "attended": 2 * S * H,
        "log-sum-exp": 4 * S * HEADS,
    }


def test_the_compiler_drops_what_nothing_needs() -> None:
    """The result of w2 is only added to the stream."""
    assert kept("torchtitan-compiled", PER_OP)["projection"] == 2 * S * (H + KV + F)


def test_joined_projections_are_one_multiply() -> None:
    """wqkv, w1 and w2 of wqkv, wo, w1, w3, w2."""
    assert kept("torchtitan-compiled", PER_OP, joins_qkv=True)["projection"] == 2 * S * (H + 2 * KV + F)


def test_without_multiplies_attention_stays() -> None:
    found = kept("torchtitan-compiled", Recompute(Method.UNIFORM, saves=Saves(every=0)))
    assert set(found) == {"embedded", "attended", "log-sum-exp"}


def test_every_second_layer() -> None:
    runs = one(recompute=Recompute(Method.EVERY, layers=2)).runs[0]
    whole = one(recompute=Recompute(Method.UNIFORM)).runs[0][1].weighed.kept
    assert [run.count for run in runs] == [1, 1, 1, 1]
    assert runs[1].weighed.kept == whole < runs[2].weighed.kept


@pytest.mark.parametrize(
    ("loss", "tensor", "factor"),
    [("eager", 1, 12), ("eager", 2, 18), ("compiled", 1, 4)],
)
def test_logits_at_the_highest_moment(loss: str, tensor: int, factor: int) -> None:
    """Bytes per score: 12 written out, 18 on shares of the vocabulary with the caller's logits, 4 compiled."""
    step = training("torchtitan", gpus=16, tensor=tensor, sequence=8192, global_batch=16 // tensor)
    kernels = replace(step.plan.kernels, loss=type(step.plan.kernels.loss)(loss))
    stage = replace(step, plan=replace(step.plan, kernels=kernels)).stages[0]
    scores = 8192 * V // tensor
    assert factor <= stage.ledger.lines[Line.LOGITS] / scores < factor + 0.01


def test_a_chunked_loss_has_an_eighth_of_the_logits() -> None:
    step = training("torchtitan-compiled", sequence=8192)
    kernels = replace(step.plan.kernels, loss=type(step.plan.kernels.loss)("chunked"))
    stage = replace(step, plan=replace(step.plan, kernels=kernels)).stages[0]
    scores, hidden = 8192 * V // 8, 4 * 8192 * H
    assert stage.ledger.lines[Line.LOGITS] == pytest.approx(14 * scores + hidden + 2 * 2 * HEAD, rel=0.001)
