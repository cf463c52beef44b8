"""Whole parameters dealt out over data-parallel ranks, as optimizers that need whole matrices do it."""

from __future__ import annotations

from collections.abc import Sequence


def dealt(sizes: Sequence[tuple[int, int]], ranks: int, rank: int) -> list[int]:
    """How many of each kind of parameter a rank is dealt: in order of size, to the ranks there and back
    (Megatron-Core, optimizer/layer_wise_optimizer.py, _shard_params_ping_pong).

    Args:
        sizes: elements of one parameter of each kind, and how many there are.
        ranks: ranks that share them.
        rank: the rank, from 0.
    """
    order = sorted(range(len(sizes)), key=lambda kind: sizes[kind][0])
    found = [0] * len(sizes)
    at = 0
    for kind in order:
        count = sizes[kind][1]
        found[kind] = _hits(at + count, ranks, rank) - _hits(at, ranks, rank)
        at += count
    return found


def _hits(places: int, ranks: int, rank: int) -> int:
    """How many of the first places fall to a rank when ranks take turns there and back."""
    rounds, rest = divmod(places, 2 * ranks)
    return 2 * rounds + (rest > rank) + (rest > 2 * ranks - 1 - rank)
