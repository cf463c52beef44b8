"""The geometry of multiplies on a rank."""

from __future__ import annotations

from typing import Any

import pytest

from weighbridge.estimate.time.shapes import Projection, joined
from weighbridge.estimate.training import Training, train
from weighbridge.parallel.plan import Plan


def projections(training: Training) -> list[Projection]:
    """Of the whole model, in order."""
    parts = [joined(training, run.weighed.piece.operations) for stage in training.stages for run in stage.runs[0]]
    return [part for own in parts for part in own if isinstance(part, Projection)]


def sizes(model: str, framework: str = "megatron", **plan: Any) -> list[tuple[int, int, int, int]]:
    """Rows, columns, depth and number of all multiplies."""
    found = projections(train(model, Plan.under(framework, sequence=1024, micro_batch=2, **plan)))
    return [(own.rows, own.columns, own.depth, own.products) for own in found]


def test_megatron_multiplies_by_fused_matrices() -> None:
    qkv, out, up, down, head = sizes("llama-3.1-8b")
    assert qkv == (2048, 4096 + 2 * 1024, 4096, 1)
    assert out == (2048, 4096, 4096, 1)
    assert up == (2048, 2 * 14336, 4096, 1)
    assert down == (2048, 4096, 14336, 1)
    assert head == (2048, 128256, 4096, 1)


def test_transformers_multiplies_one_by_one() -> None:
    assert len(sizes("llama-3.1-8b", "hf-sdpa")) == 7 + 1


@pytest.mark.parametrize("split", [False, True])
def test_tensor_parallel_ranks_split_columns_then_depth(split: bool) -> None:
    qkv, out, up, down, head = sizes("llama-3.1-8b", gpus=4, tensor=4, sequence_parallel=split)
    assert (qkv[1], out[2], up[1], down[2], head[1]) == (6144 // 4, 1024, 28672 // 4, 3584, 128512 // 4)
    assert {own[0] for own in (qkv, out, up, down, head)} == {2048}


def test_experts_share_tokens() -> None:
    _, _, router, up, _, _ = sizes("mixtral-8x7b", gpus=4, expert=4)
    assert router[:3] == (2048, 8, 4096)
    assert up == (2 * 2048 * 4 // 8, 2 * 14336, 4096, 2)


def test_the_head_of_multi_token_prediction_multiplies_as_the_model_s_own() -> None:
    """It reads no weight of its own; its matrix is the main model's."""
    found = projections(train("deepseek-v3", Plan.under(sequence=512, gpus=8, expert=8)))
    borrowed, own = (head for head in found if head.columns == 129280)
    assert own.weights
    assert not borrowed.weights
    for head in (borrowed, own):
        assert (head.rows, head.depth, head.precision, head.splits_out) == (512, 7168, "bf16", True)
