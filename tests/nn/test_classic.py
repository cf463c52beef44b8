"""Modules of older families: weights, work and order of operations by hand."""

from __future__ import annotations

from typing import Any

import pytest

from weighbridge.kernels import Attention, Kernels, Norm, Rope
from weighbridge.nn import (
    MLP,
    BroadcastAttention,
    ClippedAttention,
    Embedding,
    GroupedQueryAttention,
    LayerNorm,
    NormedEmbedding,
    PartialRotaryAttention,
    PostNormLayer,
    ProjectedEmbedding,
    ProjectedNorm,
    ScaledEmbedding,
)
from weighbridge.nn.norm import OffsetLayerNorm, OffsetRMSNorm, PlainWideLayerNorm, WideLayerNorm, WideRMSNorm
from weighbridge.tape import Axis, Pass, Phase, Tape, Tensor
from weighbridge.tree import stored
from weighbridge.units import FP32, INT64

GQA: dict[str, Any] = {"hidden_size": 64, "num_heads": 4, "num_kv_heads": 2, "head_dim": 16}


def count(module: Any) -> int:
    counted: int = module.node().sum(lambda n: sum(w.count for w in n.weights.values()), stored)
    return counted


TAPES: list[Tape] = []
"""Tensors look back at their tapes and do not hold them."""


def on_tape(work: Pass) -> Tape:
    TAPES.append(Tape(work))
    return TAPES[-1]


def hidden(work: Pass, width: int = 64) -> Tensor:
    """Hidden states on a tape of their own."""
    return on_tape(work).tensor("x", Axis("batch", work.batch), Axis("sequence", work.sequence), Axis("hidden", width))


def tokens(work: Pass) -> Tensor:
    return on_tape(work).tensor("tokens", Axis("batch", work.batch), Axis("sequence", work.sequence), dtype=INT64)


def forward(x: Tensor) -> int:
    return sum(operation.work.forward for operation in x.tape.operations)


def test_broadcast_attention_stores_every_query_head() -> None:
    work = Pass(sequence=10, phase=Phase.PREFILL)
    usual, copied = GroupedQueryAttention(**GQA), BroadcastAttention(**GQA)
    assert count(usual) == count(copied)
    stores = {}
    for module in (usual, copied):
        x = hidden(work)
        module(x)
        stores[type(module)] = sum(t.count for o in x.tape.operations for t in o.stores)
        assert forward(x) == 2 * 10 * (2 * 64 * 64 + 2 * 64 * 32) + 2 * 55 * 4 * 32
    assert stores == {GroupedQueryAttention: 2 * 10 * 32, BroadcastAttention: 2 * 10 * 64}


def test_clipped_heads_are_kept_as_they_were() -> None:
    x = hidden(Pass(sequence=10))
    ClippedAttention(**GQA)(x)
    assert [o.keeps[0].count for o in x.tape.operations if o.name == "clip"] == [640, 320, 320]
    assert forward(x) == 2 * 10 * (2 * 64 * 64 + 2 * 64 * 32) + 2 * 55 * 4 * 32


def test_post_norm_layers_normalise_sums() -> None:
    layer = PostNormLayer(64, GroupedQueryAttention(**GQA), MLP(64, 100))
    assert count(layer) == 2 * 64 * 64 + 2 * 64 * 32 + 2 * 64 * 100 + 4 * 64
    x = hidden(Pass(sequence=10))
    layer(x)
    assert [o.name for o in x.tape.operations if o.name in ("add", "norm")] == ["add", "norm", "add", "norm"]
    assert x.tape.operations[-1].name == "norm"


def test_normed_embeddings() -> None:
    embedding = NormedEmbedding(Embedding(100, 64), LayerNorm(64))
    assert count(embedding) == 100 * 64 + 2 * 64
    x = tokens(Pass(sequence=10))
    assert embedding(x).count == 10 * 64
    assert [o.name for o in x.tape.operations] == ["lookup", "norm"]


def test_projected_embeddings() -> None:
    narrow = ProjectedEmbedding(100, 32, 64, reserved=2, token_size=20)
    assert count(narrow) == 100 * 20 + 20 * 64 + 34 * 64
    assert count(ProjectedEmbedding(100, 32, 64)) == 100 * 64 + 32 * 64
    x = tokens(Pass(sequence=10))
    assert narrow(x).count == 10 * 64
    assert forward(x) == 2 * 10 * 20 * 64


def test_projected_norms() -> None:
    assert count(ProjectedNorm(64, LayerNorm(64), 20)) == 2 * 64 + 64 * 20
    assert count(ProjectedNorm(64, None)) == 0
    x = hidden(Pass(sequence=10))
    assert ProjectedNorm(64, None)(x) is x
    assert ProjectedNorm(64, LayerNorm(64), 20)(x).count == 10 * 20
    assert forward(x) == 2 * 10 * 64 * 20


def test_partial_rotary_turns_some_elements() -> None:
    kernels = Kernels(rope=Rope.EAGER, attention=Attention.SDPA, written_out=True)
    x = hidden(Pass(sequence=10, kernels=kernels))
    PartialRotaryAttention(**GQA, rotary_dim=4)(x)
    (turned, _) = (o for o in x.tape.operations if o.name == "rotary")
    assert [table.count for table in turned.keeps] == [10 * 4, 10 * 4]
    laid_out = "attended, as the kernel lays it out"
    kept = [t.name for o in x.tape.operations for t in o.keeps]
    assert (kept.count(laid_out), kept.count("attended")) == (1, 1)  # the kernel's, and the projection's copy
    eager = hidden(Pass(sequence=10, kernels=Kernels(rope=Rope.EAGER, attention=Attention.EAGER, written_out=True)))
    PartialRotaryAttention(**GQA, rotary_dim=4)(eager)
    assert laid_out not in [t.name for o in eager.tape.operations for t in o.keeps]
    assert forward(x) == forward(eager) == 2 * 10 * (2 * 64 * 64 + 2 * 64 * 32) + 2 * 55 * 4 * 32


@pytest.mark.parametrize(
    ("norm", "weights", "wide", "narrow"),
    [
        (WideRMSNorm, 64, 640 + 10 + 640, 0),  # the input, the root, and what is normalised
        (OffsetRMSNorm, 64, 640 + 10 + 640 + 64, 0),  # and 1 + weight
        (WideLayerNorm, 64, 3 * 640 + 10 + 64, 0),  # twice what is less the mean, and the weight in fp32
        (PlainWideLayerNorm, 0, 640 + 2 * 10, 0),  # the input, mean and deviation
        (OffsetLayerNorm, 128, 2 * 10, 640 + 64),  # one kernel, in the model's type
    ],
)
def test_norms_that_are_written_out(norm: Any, weights: int, wide: int, narrow: int) -> None:
    assert count(norm(64)) == weights
    x = hidden(Pass(sequence=10, kernels=Kernels(norm=Norm.EAGER)))
    made = norm(64)(x)
    kept = {t for o in x.tape.operations for t in o.keeps}
    assert sum(t.count for t in kept if t.dtype is FP32) == wide
    assert sum(t.count for t in kept if t.dtype is not FP32) == narrow
    assert (made.dtype, made.count) == (x.dtype, 640)
    fused = hidden(Pass(sequence=10))
    norm(64)(fused)
    assert [o.name for o in fused.tape.operations] == ["norm"]


def test_relu_keeps_its_result_and_the_written_out_gelu_its_steps() -> None:
    def kept(activation: str, kernels: Kernels) -> list[int]:
        x = hidden(Pass(sequence=10, kernels=kernels))
        MLP(64, 100, activation=activation)(x)
        return [len(o.keeps) for o in x.tape.operations if o.name == activation]

    x = hidden(Pass(sequence=10))
    MLP(64, 100, activation="relu")(x)
    active = next(o for o in x.tape.operations if o.name == "relu")
    assert active.keeps == active.makes
    assert kept("gelu_new", Kernels(written_out=True)) == [4]
    assert kept("gelu_new", Kernels()) == kept("gelu", Kernels(written_out=True)) == [1]


def test_scaled_embeddings_keep_no_more_than_tokens() -> None:
    x = tokens(Pass(sequence=10))
    assert ScaledEmbedding(100, 64)(x).count == 640
    assert [len(o.keeps) for o in x.tape.operations] == [1, 0]  # the factor is a buffer of the model
