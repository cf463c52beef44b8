"""Whole parameters dealt out: every parameter once, and as a loop would deal them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from weighbridge.parallel.dealing import dealt

SIZES = st.lists(st.tuples(st.integers(1, 100), st.integers(0, 30)), max_size=6)


def by_loop(sizes: list[tuple[int, int]], ranks: int, rank: int) -> list[int]:
    found = [0] * len(sizes)
    turns = [*range(ranks), *reversed(range(ranks))]
    order = sorted(range(len(sizes)), key=lambda kind: sizes[kind][0])
    place = 0
    for kind in order:
        for _ in range(sizes[kind][1]):
            found[kind] += turns[place % len(turns)] == rank
            place += 1
    return found


@given(SIZES, st.integers(1, 9))
def test_dealing_is_that_of_a_loop_and_loses_nothing(sizes: list[tuple[int, int]], ranks: int) -> None:
    shares = [dealt(sizes, ranks, rank) for rank in range(ranks)]
    assert shares == [by_loop(sizes, ranks, rank) for rank in range(ranks)]
    assert [sum(share) for share in zip(*shares, strict=True)] == [count for _, count in sizes]
