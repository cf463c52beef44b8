"""Mamba 1, short convolutions, lightning attention, Kimi delta attention, mixers side by side: weights and work."""

from __future__ import annotations

from typing import Any

import pytest

from tests.nn.test_attention import count, forward, run
from weighbridge.nn import (
    DecoderLayer,
    GatedMLP,
    GroupedQueryAttention,
    KimiDeltaAttention,
    LightningAttention,
    Mamba1,
    Mamba2,
    MultiHeadLatentAttention,
    NormedResidualLayer,
    ShortConvolution,
)
from weighbridge.nn.parallel_mixers import ParallelMixers
from weighbridge.nn.whole_cache_attention import WholeCacheAttention
from weighbridge.tape import Pass, Phase

MAMBA = Mamba1(hidden_size=32, inner_size=64, state_size=10, dt_rank=3, conv_kernel=4)
SHORT = ShortConvolution(hidden_size=32, conv_kernel=3, bias=True)
LIGHTNING = LightningAttention(hidden_size=32, num_heads=4, head_dim=10, block=16)
KIMI = KimiDeltaAttention(hidden_size=32, num_heads=3, head_dim=8, conv_kernel=4)
RECURRENT = [MAMBA, LIGHTNING, KIMI]


def stored(module: Any, tokens: int, dtype: str = "bf16") -> int:
    """Bytes that a module stores after so many tokens of one sequence."""
    tape = run(module, Pass(sequence=tokens, phase=Phase.PREFILL, dtype=dtype))
    return sum(int(tensor.bytes) for operation in tape.operations for tensor in operation.stores)


def test_weights_of_mamba_1() -> None:
    projections = 32 * 128 + 64 * (3 + 2 * 10) + (3 * 64 + 64) + 64 * 32
    assert count(MAMBA) == projections + 64 * 5 + 64 * 10 + 64
    normed = Mamba1(32, 64, 10, 3, 4, norms=True)
    assert count(normed) - count(MAMBA) == 3 + 10 + 10


def test_work_of_mamba_1() -> None:
    matrices = 2 * (32 * 128 + 64 * 23 + 3 * 64 + 64 * 32)
    convolution, scan = 2 * 64 * 4, 2 * 2 * 64 * 10
    assert forward(MAMBA, Pass(sequence=7)) == 7 * (matrices + convolution + scan)
    # PyTorch sees 3 positions more in the convolution, and of the scan the reading
    assert forward(MAMBA, Pass(sequence=7), "torch") == 7 * (matrices + scan // 2) + 10 * convolution


def test_weights_and_work_of_a_short_convolution() -> None:
    assert count(SHORT) == 32 * 96 + 96 + 32 * 3 + 32 + 32 * 32 + 32
    assert forward(SHORT, Pass(sequence=5)) == 5 * 2 * (32 * 96 + 32 * 3 + 32 * 32)
    assert stored(SHORT, 100) == stored(SHORT, 1) == 2 * 32 * 3


def test_weights_and_work_of_lightning_attention() -> None:
    projections = 32 * 120 + 32 * 40 + 40 * 32
    buffers = 4 * (1 + 16 + 16 + 256)
    assert count(LIGHTNING) == projections + 40 + buffers
    assert forward(LIGHTNING, Pass(sequence=5)) == 5 * 2 * (projections + 2 * 4 * 10 * 10)
    assert stored(LIGHTNING, 9) == 2 * 4 * 10 * 10
    assert stored(LIGHTNING, 9, "fp32") == 4 * 4 * 10 * 10


@pytest.mark.parametrize(("sequence", "squares"), [(7, 49), (16, 256), (37, 2 * 256 + 25)])
def test_pytorch_counts_the_blocks_of_lightning_attention(sequence: int, squares: int) -> None:
    projections = 2 * sequence * (32 * 120 + 32 * 40 + 40 * 32)
    within = forward(LIGHTNING, Pass(sequence=sequence), "torch") - projections
    assert within == 2 * 4 * (2 * squares * 10 + 2 * sequence * 10 * 10)


def test_weights_and_work_of_kimi_delta_attention() -> None:
    projections = 4 * 32 * 24 + 2 * (32 * 8 + 8 * 24) + 32 * 3
    assert count(KIMI) == projections + 72 * 4 + 24 + 3 + 8
    assert forward(KIMI, Pass(sequence=5)) == 5 * 2 * (projections + 72 * 4 + 3 * 3 * 8 * 8)
    assert stored(KIMI, 9) == 2 * 72 * 4 + 4 * 3 * 8 * 8


def test_states_do_not_grow_with_the_past() -> None:
    for module in RECURRENT:
        one, ten = (forward(module, Pass(sequence=n)) for n in (1, 10))
        assert ten == 10 * one
        assert forward(module, Pass(sequence=1, past=10**6, phase=Phase.DECODE)) == one
        assert stored(module, 1000) == stored(module, 10)


def test_prompts_shorter_than_a_convolution_are_padded_to_its_cache() -> None:
    short, long = (forward(SHORT, Pass(sequence=n, phase=Phase.PREFILL), "torch") for n in (1, 3))
    assert long - short == 2 * 2 * (32 * 96 + 32 * 32)


def test_mixers_side_by_side_add_up() -> None:
    mamba = Mamba2(32, 8, 8, 10, 2, 4, out_bias=True, normed=False, multipliers=True)
    attention = GroupedQueryAttention(32, 4, 2, 8)
    both = ParallelMixers(32, (mamba, attention))
    assert list(both.children) == ["mamba", "attention"]
    assert count(both) == count(mamba) + count(attention)
    for work in (Pass(sequence=9), Pass(sequence=1, past=9, phase=Phase.DECODE)):
        assert forward(both, work) == forward(mamba, work) + forward(attention, work)


def test_options_of_mamba_2() -> None:
    usual = count(Mamba2(32, 8, 8, 10, 2, 4))
    assert count(Mamba2(32, 8, 8, 10, 2, 4, out_bias=True)) - usual == 32
    assert usual - count(Mamba2(32, 8, 8, 10, 2, 4, normed=False)) == 64
    multiplied = Mamba2(32, 8, 8, 10, 2, 4, multipliers=True)
    assert count(multiplied) - usual == 2 * 64 + 2 * 20 + 8
    assert multiplied.weights["factors"].buffer


def test_a_window_may_leave_the_cache_whole() -> None:
    cut = GroupedQueryAttention(32, 4, 2, 8, window=5)
    whole = WholeCacheAttention(32, 4, 2, 8, window=5)
    assert stored(cut, 20) == 2 * 2 * 4 * 16
    assert stored(whole, 20) == 2 * 2 * 20 * 16
    later = Pass(sequence=1, past=19, phase=Phase.DECODE)
    assert forward(whole, later) == forward(cut, later) < forward(whole, later, "torch")


def test_latent_attention_without_positions_costs_the_same() -> None:
    turned, plain = (MultiHeadLatentAttention(32, 4, 10, 6, 2, 6, rotary=rotary) for rotary in (True, False))
    assert count(turned) == count(plain)
    assert forward(turned, Pass(sequence=9)) == forward(plain, Pass(sequence=9))
    assert not any(operation.name == "rotary" for operation in run(plain, Pass(sequence=9)).operations)


def test_a_normed_residual_is_the_input_of_the_branch() -> None:
    layers = [kind(32, LIGHTNING, GatedMLP(32, 48)) for kind in (DecoderLayer, NormedResidualLayer)]
    assert count(layers[0]) == count(layers[1])
    sums = [[o for o in run(layer, Pass(sequence=4)).operations if o.name == "add"] for layer in layers]
    assert [len(found) for found in sums] == [2, 2]
    assert sums[0][0].reads[0].name == "x"  # type: ignore[union-attr]
    assert sums[1][0].reads[0].name == "norm"  # type: ignore[union-attr]
