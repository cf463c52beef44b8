"""Kernels of operations."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from weighbridge.estimate.time.power import joules
from weighbridge.estimate.time.step import StepTime
from weighbridge.estimate.time.work import Bound, Kernel
from weighbridge.estimate.training import Training, train
from weighbridge.estimate.training_flops import step_flops
from weighbridge.kernels import Attention
from weighbridge.parallel.plan import Plan
from weighbridge.parallel.precision import Recipe
from weighbridge.parallel.recompute import Method, Recompute


def trained(model: str = "llama-3.1-8b", framework: str = "megatron", cluster: str = "8xH100", **plan: Any) -> Training:
    chosen = {"gpus": int(cluster.split("x")[0]), "sequence": 2048} | plan
    return train(model, Plan.under(framework, **chosen), cluster)


def kernels(training: Training) -> list[tuple[Kernel, int]]:
    """All of a micro-batch on the first stage, with how often they run."""
    time = StepTime(training, training.cluster)  # type: ignore[arg-type]
    runs = [run for own in time.stages[0].passes for run in own.runs]
    return [(kernel, count) for doing, count in runs for kernel in doing.kernels]


@pytest.mark.parametrize("recompute", [Recompute(), Recompute(Method.UNIFORM)])
def test_multiplies_spend_the_energy_of_the_flops(recompute: Recompute) -> None:
    """All FLOPs but attention's, which is counted apart, are multiplies'."""
    training = trained(recompute=recompute)
    spent = sum(kernel.joules * count for kernel, count in kernels(training) if kernel.name != "attention")
    flops = step_flops(training)
    scores = 4 * 32 * 128 * 2048**2 // 2  # of earlier positions
    passes = 3 if recompute == Recompute() else 4
    work = flops.hardware / int(training.plan.sequences) - passes * 32 * scores
    assert training.cluster is not None
    assert spent == pytest.approx(joules(training.cluster.device, "bf16", work), rel=0.01)


def test_older_attention_is_slower_on_newer_devices_only() -> None:
    def seconds(attention: Attention, cluster: str) -> float:
        training = trained(cluster=cluster, kernels=replace(Plan.under().kernels, attention=attention))
        return sum(k.seconds * n for k, n in kernels(training) if k.name == "attention" and k.bound is Bound.COMPUTE)

    assert seconds(Attention.FLASH, "8xH100") > 1.5 * seconds(Attention.CUDNN, "8xH100")
    assert seconds(Attention.FLASH, "8xA100") == seconds(Attention.CUDNN, "8xA100")
    assert seconds(Attention.TRITON, "8xA100") > 1.5 * seconds(Attention.FLASH, "8xA100")
    assert seconds(Attention.FLASH_1, "8xA100") == pytest.approx(2 * seconds(Attention.FLASH, "8xA100"))


def test_gradients_that_accumulate_move_at_the_end_of_multiplies() -> None:
    added = [(k, n) for k, n in kernels(trained()) if k.name == "add gradient"]
    assert added
    assert all(kernel.launches == 0 and kernel.bound is Bound.MEMORY for kernel, _ in added)
    apart = trained(accumulation_fusion=False, global_batch=64)
    assert all(kernel.launches == 1 for kernel, _ in kernels(apart) if kernel.name == "add gradient")
    assert not [k for k, _ in kernels(trained(accumulation_fusion=False)) if k.name == "add gradient"]


def test_what_is_written_out_takes_longer() -> None:
    def moving(framework: str) -> float:
        return sum(k.seconds * n for k, n in kernels(trained(framework=framework)) if k.bound is Bound.MEMORY)

    assert moving("hf-sdpa") > 1.5 * moving("megatron")
    assert moving("hf-eager") > 1.5 * moving("hf-sdpa")


def test_experts_run_one_after_another_and_no_faster_than_they_are_launched() -> None:
    few, many = (trained("mixtral-8x7b", expert=8, sequence=sequence, cluster="8xB200") for sequence in (64, 4096))
    for training, least in ((few, 9e-6), (many, 9e-6)):
        experts = [k for k, _ in kernels(training) if k.name == "matmul" and k.kind.value == "experts"]
        assert all(kernel.seconds >= least for kernel in experts)
    assert max(k.seconds for k, _ in kernels(many) if k.name == "matmul" and k.kind.value == "experts") > 1e-4


def test_gradients_of_biases_are_kernels_where_multiplies_do_not_sum_them_up() -> None:
    def names(framework: str) -> set[str]:
        return {kernel.name for kernel, _ in kernels(trained("gpt2", framework, "1xA100", sequence=512))}

    assert "bias gradient" in names("hf-sdpa")
    assert "bias gradient" in names("megatron-local")
    assert "bias gradient" not in names("megatron")


def test_biases_of_experts_are_added_after_their_last_multiply() -> None:
    found = kernels(trained("gpt-oss-20b", cluster="8xH100", expert=8))
    layers = sum(count for kernel, count in found if kernel.name == "apply bias")
    assert layers == 2 * 24  # forward and backward
    assert not [kernel for kernel, _ in kernels(trained("mixtral-8x7b", expert=8)) if kernel.name == "apply bias"]


def cast(name: str, recipe: Recipe, **precision: Any) -> float:
    """Seconds of casts of a name in a step of torchtitan."""
    chosen = replace(Plan.under("torchtitan-compiled").precision, recipe=recipe, **precision)
    found = kernels(trained(framework="torchtitan-compiled", cluster="8xB200", precision=chosen))
    return sum(kernel.seconds * count for kernel, count in found if kernel.name == name)


def test_torchao_casts_rows_and_columns_apart_and_weights_for_every_multiply() -> None:
    tensorwise, rowwise, blocks = (cast("cast input", recipe) for recipe in (Recipe.TENSORWISE, *APART))
    assert rowwise > 1.2 * tensorwise
    assert blocks == pytest.approx(tensorwise)
    assert cast("cast weights", Recipe.TENSORWISE) > cast("cast weights", Recipe.ROWWISE) > 0
    assert cast("cast weights", Recipe.TENSORWISE, parameters_in_fp8=True) == 0


APART = (Recipe.ROWWISE, Recipe.MXFP8)


def test_collectives_along_positions_copy_to_and_from_the_order_of_ranks() -> None:
    """Four times a layer forward and four backward, unless multiplies write in that order."""

    def copies(**plan: Any) -> list[int]:
        split: dict[str, Any] = {"framework": "torchtitan", "tensor": 8, "sequence_parallel": True}
        return [n for k, n in kernels(trained(**split, **plan)) if k.name == "order of ranks" and n == 32]

    assert len(copies()) == 4 + 4
    assert not copies(overlaps_tensor=True)
