"""Memory over a step agrees with the ledger, and FLOPs of a step with those of its forward passes."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

import weighbridge as wb
from weighbridge.estimate.compute import FlopReport
from weighbridge.estimate.memory import timeline as module
from weighbridge.estimate.memory.inside import inside, layers_of
from weighbridge.estimate.memory.moment import peak_at, tensors
from weighbridge.estimate.memory.timeline import timeline
from weighbridge.estimate.training_flops import step_flops
from weighbridge.parallel.framework import FRAMEWORKS
from weighbridge.parallel.plan import Offload
from weighbridge.parallel.precision import mixed
from weighbridge.parallel.recompute import Method, Recompute
from weighbridge.parallel.schedule import Schedule

BASE = wb.Plan.under(gpus=8, pipeline=4, global_batch=16)

PLANS = {
    "1f1b": BASE,
    "interleaved": replace(BASE, virtual=2),
    "gpipe": replace(BASE, schedule=Schedule.GPIPE),
    "zb-h1": replace(BASE, schedule=Schedule.ZB_H1),
    "zb-v": replace(BASE, schedule=Schedule.ZB_V, virtual=2),
    "recomputed": replace(BASE, recompute=Recompute(Method.UNIFORM)),
    "block": replace(BASE, virtual=2, recompute=Recompute(Method.BLOCK, 1)),
    "groups": replace(BASE, recompute=Recompute(Method.UNIFORM, 3)),
    "every": replace(BASE, recompute=Recompute(Method.EVERY, 2)),
    "fsdp": wb.Plan.under("torchtitan", gpus=8, pipeline=2, global_batch=16),
    "fsdp, recomputed": wb.Plan.under("torchtitan-compiled", gpus=8, recompute=Recompute(Method.UNIFORM)),
    "ddp": wb.Plan.under("hf-sdpa", gpus=2),
    "layers on the host": wb.Plan.under(gpus=8, offload=Offload(layers=5)),
    "megatron-fsdp": replace(BASE, zero=BASE.framework.spread(3)),
    "deepspeed": wb.Plan.under("hf-flash", gpus=4, zero=FRAMEWORKS["hf-flash"].spread(3)),
    "selective": replace(BASE, tensor=2, sequence_parallel=True, recompute=Recompute(modules=("mlp", "core_attn"))),
}


@pytest.mark.parametrize("every_layer", [True, False])
@pytest.mark.parametrize("name", PLANS)
def test_the_highest_sample_is_the_peak(name: str, every_layer: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not every_layer:
        monkeypatch.setattr(module, "MOST_SAMPLES", 0)
    training = wb.train("llama-3.2-1b", PLANS[name], "8xH100")
    found = timeline(training)
    assert found.every_layer is every_layer
    for track, stage in zip(found.tracks, training.stages, strict=True):
        assert max(sample.bytes for sample in track.samples) == stage.peak_allocated
        assert track.samples[0].levels == track.samples[-1].levels
        assert all(sample.bytes >= track.samples[0].bytes for sample in track.samples)
        assert [s.time for s in track.samples] == sorted(s.time for s in track.samples)
        assert all(before.end <= after.start for before, after in zip(track.slices, track.slices[1:], strict=False))


LONG = {
    **{name: PLANS[name] for name in ("1f1b", "interleaved", "gpipe", "zb-h1", "zb-v")},
    "dualpipe": replace(BASE, schedule=Schedule.DUALPIPE, virtual=2),
    "groups of 6": replace(BASE, virtual=2, group=6),
}


@pytest.mark.parametrize("name", LONG)
def test_of_many_micro_batches_the_middle_is_left_out(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    training = wb.train("llama-3.2-1b", replace(LONG[name], global_batch=2_000_000), "8xH100")
    began = time.perf_counter()
    found = timeline(training)
    assert time.perf_counter() - began < 5
    assert found.drawn <= 40
    assert found.left_out == f"{found.drawn} of 1,000,000 micro-batches, the middle left out"
    for track, stage in zip(found.tracks, training.stages, strict=True):
        assert max(sample.bytes for sample in track.samples) == stage.peak_allocated
        assert track.samples[0].levels == track.samples[-1].levels
    fewer = wb.train("llama-3.2-1b", replace(LONG[name], global_batch=192), "8xH100")
    cut = timeline(fewer)
    monkeypatch.setattr(module, "drawn", lambda plan: plan.micro_batches)
    whole = timeline(fewer)
    assert cut.drawn < whole.drawn == 96
    assert whole.left_out == ""
    assert cut.bubble == pytest.approx(whole.bubble)


def test_the_optimizers_step_is_the_last_phase() -> None:
    halves = wb.Plan.under(sequence=8, precision=mixed("fp16"))
    training = wb.train("gpt2", halves, "1xH100")
    track, stage = timeline(training).tracks[0], training.stages[0]
    assert stage.rests_highest
    assert max(sample.bytes for sample in track.samples) == stage.peak_allocated > stage.highest_moment
    last = track.samples[-2]
    assert last.bytes == stage.step_allocated == stage.peak_allocated
    assert last.time == track.slices[-1].end
    assert timeline(training).duration == last.time + 1
    assert all(level >= 0 for sample in track.samples for level in sample.levels)


def test_model_flops_are_those_of_every_sequence() -> None:
    training = wb.train("deepseek-v3", wb.Plan.under(gpus=64, expert=64, global_batch=128))
    one = FlopReport(training.model, training.work)
    assert step_flops(training).model == 128 * one.training
    assert step_flops(training).hardware == step_flops(training).model


@pytest.mark.parametrize("pipeline", [1, 4])
def test_full_recomputation_runs_every_layer_forward_again(pipeline: int) -> None:
    plan = wb.Plan.under(gpus=4, pipeline=pipeline, global_batch=8, recompute=Recompute(Method.UNIFORM))
    training = wb.train("llama-3.2-1b", plan)
    report = FlopReport(training.model, training.work)
    layers = next(node for node in report.tree.children if node.folded)
    assert step_flops(training).again == 8 * layers.times * report.of(layers, "forward")


@pytest.mark.parametrize("name", PLANS)
def test_modules_hold_what_the_rank_holds(name: str) -> None:
    training = wb.train("llama-3.2-1b", PLANS[name])
    seen: list[int] = []
    for stage in training.stages:
        found = inside(stage)
        assert found.all_parameters == stage.states.parameters
        own = found.all_kept.bytes - found.kept["shared"].bytes
        assert own == sum(run.kept for chunk in stage.runs for run in chunk)
        seen += [layer for layers in layers_of(stage).values() for layer in layers]
    assert sorted(seen) == list(range(16))


def test_tensors_of_the_highest_moment_add_up_to_the_lines() -> None:
    training = wb.train("mixtral-8x7b", wb.Plan.under(gpus=16, pipeline=2, expert=8), "16xH100")
    for stage in training.stages:
        for line in (line for line in stage.ledger.lines if line in ("activations", "logits_and_loss")):
            assert sum(one.total for one in tensors(stage, line)) == stage.ledger.lines[line]
        at = peak_at(stage)
        assert at.micro_batches >= 1
        assert at.direction in ("forward", "backward", "recomputation")
