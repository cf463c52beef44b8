"""A rank's share of every logical axis."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.parallel.sharding import Sharding
from weighbridge.tape import Axis, Joined, Pass, Tape, Weight

SPLIT = Sharding(tensor=4, context=2, expert=8, expert_tensor=2, sequence_parallel=True)


@pytest.mark.parametrize(
    ("axis", "local"),
    [
        (Axis("hidden", 64), 64),
        (Axis("heads", 8, 16), 32),
        (Axis("ffn", 96), 24),
        (Axis("expert_ffn", 96), 48),
        (Axis("sequence", 128), 64),
        (Axis("stream", 128), 16),
        (Axis("permuted", 256), 32),
        (Axis("routed", 256), 64),
        (Axis("gathered", 128), 256),
        (Axis("kv_heads", 2, 16), 16),
        (Axis("experts", 8), 8),
        (Joined((Axis("heads", 8, 16), Axis("kv_heads", 4, 16), Axis("kv_heads", 4, 16))), 64),
    ],
    ids=lambda value: str(getattr(value, "name", value)),
)
def test_each_axis_has_its_divisor(axis: Axis, local: int) -> None:
    assert SPLIT.local(axis) == local


def test_without_sequence_parallelism_the_stream_is_whole() -> None:
    assert Sharding(tensor=4, context=2).local(Axis("stream", 128)) == 64


def test_vocabularies_are_padded_to_equal_shares() -> None:
    padded = Sharding(tensor=4, padded_vocabulary=128)
    assert padded.local(Axis("vocab", 50_257)) * 4 == 50_688
    assert Sharding(tensor=4).local(Axis("vocab", 50_257)) == 12_565


def test_ranks_share_the_rows_of_a_key_value_head_but_work_on_whole_heads() -> None:
    many = Sharding(tensor=8)
    axis = Axis("kv_heads", 2, 128)
    assert many.local(axis) == 128
    assert many.count(Weight((axis, Axis("hidden", 10)))) == 32 * 10


def test_the_fullest_rank_gets_more_routed_tokens_where_routing_is_uneven() -> None:
    assert Sharding(imbalance=1.5).local(Axis("routed", 100)) == 150


@given(st.sampled_from([1, 2, 4, 8]), st.sampled_from([1, 2, 4]), st.booleans())
def test_shares_make_up_the_whole(tensor: int, context: int, split: bool) -> None:
    sharding = Sharding(tensor=tensor, context=context, sequence_parallel=split)
    for axis, ranks in (
        (Axis("heads", 8, 16), tensor),
        (Axis("sequence", 64), context),
        (Axis("stream", 64), context * (tensor if split else 1)),
    ):
        assert sharding.local(axis) * ranks == axis.size


def test_bytes_are_those_of_the_share() -> None:
    tape = Tape(Pass(dtype="fp32"))
    assert SPLIT.bytes(tape.tensor("x", Axis("batch", 3), Axis("stream", 128), Axis("hidden", 10))) == 3 * 16 * 10 * 4
