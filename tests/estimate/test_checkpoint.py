"""The size of a checkpoint: exactly the weights and the optimizer's states, whatever the plan."""

from __future__ import annotations

from typing import Any

import pytest

import weighbridge as wb
from weighbridge.estimate.checkpoint import checkpoint_bytes
from weighbridge.parallel.precision import pure, single

LLAMA = 8_030_261_248


def size(model: str = "llama-3.1-8b", framework: str = "megatron", **plan: Any) -> int:
    return checkpoint_bytes(wb.train(model, wb.Plan.under(framework, **plan)))


def test_fourteen_bytes_per_parameter_in_mixed_precision() -> None:
    """bf16 weights, an fp32 copy and two fp32 moments."""
    assert size() == (2 + 4 + 4 + 4) * LLAMA


@pytest.mark.parametrize(
    "plan",
    [
        {"gpus": 8, "tensor": 8, "sequence_parallel": True},
        {"gpus": 16, "pipeline": 4, "virtual": 2, "global_batch": 16},
        {"gpus": 8, "context": 4},
        {"gpus": 8, "zero": 3},
        {"gpus": 8, "zero": 0},
    ],
)
def test_however_it_is_spread(plan: dict[str, Any]) -> None:
    assert size(**plan) == size()


def test_experts_are_counted_once() -> None:
    whole = wb.params("mixtral-8x7b").total
    assert size("mixtral-8x7b") == 14 * whole
    assert size("mixtral-8x7b", gpus=64, pipeline=4, expert=8, tensor=2, global_batch=64) == 14 * whole


def test_multi_token_prediction_is_saved_too() -> None:
    found = wb.params("deepseek-v3")
    biases = 4 * (found.buffers + 256)  # of routers, in fp32; the prediction layer has one too
    assert size("deepseek-v3") == 14 * (found.total + found.prediction) + biases


@pytest.mark.parametrize(
    ("plan", "each"),
    [
        ({"precision": single()}, 12),
        ({"precision": pure("bf16")}, 6),
        ({"optimizer": "sgd"}, 6),
    ],
)
def test_by_precision_and_optimizer(plan: dict[str, Any], each: int) -> None:
    assert size(**plan) == each * LLAMA


def test_states_of_rows_and_columns_are_small() -> None:
    assert size(optimizer="adafactor") < 7 * LLAMA


def test_one_gpu_holds_what_its_checkpoint_does() -> None:
    training = wb.train("gpt2", wb.Plan.under(gpus=1, zero=0, sequence=1024))
    states = training.stages[0].states
    held = states.weights + states.main + states.optimizer
    assert 0 <= held - checkpoint_bytes(training) < 0.002 * held  # the allocator's blocks of 512 bytes
