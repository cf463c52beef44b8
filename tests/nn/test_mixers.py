"""Gated delta net, Mamba 2 and the short convolution."""

from __future__ import annotations

from tests.nn.test_attention import count, forward
from weighbridge.nn import GatedDeltaNet, Mamba2
from weighbridge.tape import Pass, Phase

DELTA = GatedDeltaNet(
    hidden_size=32, num_key_heads=2, num_value_heads=4, key_head_dim=8, value_head_dim=6, conv_kernel=4
)
MAMBA = Mamba2(hidden_size=32, num_heads=8, head_dim=8, state_size=10, num_groups=2, conv_kernel=4)


def test_weights_of_a_gated_delta_net() -> None:
    keys, values = 16, 24
    projections = 32 * (2 * keys + 2 * values) + 32 * 8 + values * 32
    assert count(DELTA) == projections + (2 * keys + values) * 4 + 2 * 4 + 6


def test_weights_of_mamba_2() -> None:
    inner, groups = 64, 20
    assert count(MAMBA) == 32 * (2 * inner + 2 * groups + 8) + (inner + 2 * groups) * 5 + 3 * 8 + inner + inner * 32


def test_the_work_of_a_recurrence_grows_with_tokens_only() -> None:
    for module in (DELTA, MAMBA):
        one, ten = (forward(module, Pass(sequence=n)) for n in (1, 10))
        assert ten == 10 * one
        later = forward(module, Pass(sequence=1, past=10**6, phase=Phase.DECODE))
        assert later == one, "a state does not grow with the past"


def test_chunks_make_pytorch_count_more_than_the_recurrence_needs() -> None:
    for module in (DELTA, MAMBA):
        assert forward(module, Pass(sequence=256), "torch") > forward(module, Pass(sequence=256))
