"""What an estimate costs, counted, never timed: as much for 400 layers on 100,000 ranks as for a few on eight."""

from __future__ import annotations

import pytest

from benchmarks.estimate_speed import CASES, CLUSTER, LAID_OUT, MODEL, cost, estimate, sized
from weighbridge.formats import load
from weighbridge.formats.cluster import load_cluster
from weighbridge.parallel.plan import Plan

MODELS = ["llama-3.1-8b", "deepseek-v3", "qwen3-30b-a3b"]


@pytest.mark.parametrize("model", MODELS)
def test_work_does_not_grow_with_layers(model: str) -> None:
    few, many, most = (cost(sized(model, layers, 64)) for layers in (64, 128, 400))
    assert few == many == most


@pytest.mark.parametrize("model", MODELS)
def test_a_few_layers_are_recorded_and_replayed_as_often_as_many(model: str) -> None:
    few, many = (cost(sized(model, layers, 64)) for layers in (4, 400))
    assert (few.recorded, few.replayed, few.tensors) == (many.recorded, many.replayed, many.tensors)
    assert few.calls <= many.calls


@pytest.mark.parametrize("model", MODELS)
def test_work_does_not_grow_with_ranks(model: str) -> None:
    assert len({cost(sized(model, 64, ranks)) for ranks in (8, 64, 1_024, 100_000)}) == 1


@pytest.mark.parametrize("name", CASES)
def test_the_benchmark_weighs_all_stages(name: str) -> None:
    training = estimate(load(MODEL), Plan.under(**LAID_OUT, **CASES[name]), load_cluster(CLUSTER))
    assert len(training.stages) == 16
    assert training.plan.micro_batches >= 16
    assert all(stage.peak_allocated > 0 for stage in training.stages)
