"""Attention in its variants: weights, and work by phase and window."""

from __future__ import annotations

from typing import Any

import pytest

import weighbridge as wb
from weighbridge.kernels import Attention, Kernels
from weighbridge.nn import GroupedQueryAttention, MultiHeadLatentAttention
from weighbridge.parallel.recompute import Method, Recompute
from weighbridge.replay import Direction
from weighbridge.tape import Axis, Pass, Phase, Tape
from weighbridge.tree import Kind, stored
from weighbridge.units import FP32


def count(module: Any) -> int:
    counted: int = module.node().sum(lambda n: sum(w.count for w in n.weights.values()), stored)
    return counted


def run(module: Any, work: Pass) -> Tape:
    """Run one module over hidden states."""
    tape = Tape(work)
    axes = (Axis("batch", work.batch), Axis("sequence", work.sequence), Axis("hidden", module.hidden_size))
    module(tape.tensor("x", *axes))
    return tape


def forward(module: Any, work: Pass, convention: str = "exact") -> int:
    return sum(operation.flops(convention).forward for operation in run(module, work).operations)


GQA: dict[str, Any] = {"hidden_size": 64, "num_heads": 4, "num_kv_heads": 2, "head_dim": 16}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, 64 * 64 * 2 + 2 * 64 * 32),
        ({"fused": True}, 64 * 64 * 2 + 2 * 64 * 32),
        ({"qkv_bias": True}, 64 * 64 * 2 + 2 * 64 * 32 + 64 + 32 + 32),
        ({"out_bias": True}, 64 * 64 * 2 + 2 * 64 * 32 + 64),
        ({"qk_norm": True}, 64 * 64 * 2 + 2 * 64 * 32 + 2 * 16),
        ({"sinks": True}, 64 * 64 * 2 + 2 * 64 * 32 + 4),
        ({"output_gate": True}, 64 * 64 * 3 + 2 * 64 * 32),
    ],
)
def test_weights_of_grouped_query_attention(options: dict[str, Any], expected: int) -> None:
    assert count(GroupedQueryAttention(**GQA, **options)) == expected


def test_biases_of_k_and_v_follow_the_key_value_heads() -> None:
    many = GroupedQueryAttention(**{**GQA, "num_kv_heads": 4}, qkv_bias=True)
    few = GroupedQueryAttention(**{**GQA, "num_kv_heads": 1}, qkv_bias=True)
    assert count(many) - count(few) == 2 * (3 * 16 * 64 + 3 * 16)


def test_fused_and_separate_projections_do_the_same_work() -> None:
    work = Pass(batch=2, sequence=10)
    assert forward(GroupedQueryAttention(**GQA), work) == forward(GroupedQueryAttention(**GQA, fused=True), work)


def test_a_window_bounds_the_work() -> None:
    wide, narrow = GroupedQueryAttention(**GQA), GroupedQueryAttention(**GQA, window=3)
    work = Pass(sequence=10)
    pairs = sum(min(i, 3) for i in range(1, 11))
    assert forward(wide, work) - forward(narrow, work) == 2 * (55 - pairs) * 4 * 32


def test_what_is_kept_depends_on_the_kernel() -> None:
    def names(kernel: Attention) -> list[str]:
        tape = run(GroupedQueryAttention(**GQA), Pass(sequence=4, kernels=Kernels(attention=kernel)))
        return [t.name for o in tape.operations if o.name == "attention" for t in o.keeps]

    assert names(Attention.FLASH) == ["rotary", "rotary", "projection", "attended", "log-sum-exp"]
    assert names(Attention.PLAIN) == ["rotary", "rotary", "projection", "weights"]
    assert names(Attention.UNFUSED) == ["probabilities", "repeated projection"]
    assert names(Attention.EAGER) == ["probabilities", "repeated projection"]


MLA: dict[str, Any] = {
    "hidden_size": 64,
    "num_heads": 4,
    "kv_lora_rank": 12,
    "qk_nope_head_dim": 16,
    "qk_rope_head_dim": 8,
    "v_head_dim": 20,
}


@pytest.mark.parametrize("kernel", [Attention.UNFUSED, Attention.EAGER])
def test_values_keep_their_own_width(kernel: Attention) -> None:
    tape = run(MultiHeadLatentAttention(**MLA), Pass(sequence=4, kernels=Kernels(attention=kernel)))
    values = next(o for o in tape.operations if o.name == "attention").keeps[-1]
    assert values.count == 4 * MLA["num_heads"] * MLA["v_head_dim"]


def test_weights_of_latent_attention() -> None:
    low = 64 * 10 + 10 + 10 * 4 * 24
    rest = 64 * 20 + 12 + 12 * 4 * 36 + 4 * 20 * 64
    assert count(MultiHeadLatentAttention(**MLA, q_lora_rank=10)) == low + rest
    assert count(MultiHeadLatentAttention(**MLA, q_lora_rank=None)) == 64 * 4 * 24 + rest
    assert count(MultiHeadLatentAttention(**MLA, q_lora_rank=10, bias=True)) == low + rest + 10 + 20 + 64


def test_decoding_absorbs_the_expansion_that_transformers_repeats() -> None:
    module = MultiHeadLatentAttention(**MLA, q_lora_rank=None)
    step = Pass(sequence=1, past=999, phase=Phase.DECODE)
    absorbed = 2 * (4 * 12 * 36 + 1000 * 4 * (12 + 8 + 12))
    expanded = 2 * 1000 * 4 * (12 * 36 + 24 + 20)
    projections = 2 * (64 * 4 * 24 + 64 * 20 + 4 * 20 * 64)
    assert forward(module, step) == projections + absorbed
    assert forward(module, step, "torch") == projections + expanded


def test_the_kind_of_norms_inside_attention_is_norm() -> None:
    node = GroupedQueryAttention(**GQA, qk_norm=True).node()
    assert [n.name for n in node.walk() if n.kind is Kind.NORM] == ["q_norm", "k_norm"]


def test_eager_scores_stand_in_several_forms() -> None:
    """transformers, eager_attention_forward, and PyTorch's backward pass of a softmax on a GPU: four tensors of the
    scores' size in fp32 at once."""
    model = wb.load("llama-3.1-8b", {"num_hidden_layers": 1})
    plan = wb.Plan.under("hf-eager", sequence=1024, recompute=Recompute(Method.UNIFORM))
    weighed = wb.train(model, plan).stages[0].runs[0][1].weighed
    moments = weighed.replay.passes[Direction.BACKWARD]
    place = next(
        i for i, m in enumerate(moments) if m.operation.name == "softmax" and m.direction is Direction.BACKWARD
    )
    standing = weighed.replay.standing(Direction.BACKWARD, place)
    scores = 32 * 1024 * 1024
    assert sum(times for tensor, times in standing if tensor.count == scores and tensor.dtype is FP32) == 4
    assert sum(times for tensor, times in standing if tensor.count == scores and tensor.dtype is not FP32) == 0
