"""How long a fused attention kernel takes: scores in tiles, each with its two products and its softmax."""

from __future__ import annotations

from dataclasses import dataclass

from weighbridge.arithmetic import Count, ceil_div, maximum, minimum, ratio

Seconds = float

TILE = 128
"""Queries of a tile. Source: FlashAttention-3 (arXiv 2407.08608), section 3: blocks of 128 queries; FlashAttention-2
(arXiv 2307.08691), section 3.3: {64, 128} x {64, 128}."""

BACKWARD_FLOPS = 2.5
"""FLOPs of the backward pass per FLOP of the forward: five products, one of them the scores again, to two. Source:
FlashAttention-2 (arXiv 2307.08691), section 4.1."""


@dataclass(frozen=True)
class AttentionCurve:
    """How a device's fused kernel runs attention in one type.

    Attributes:
        share: of the peak rate that the two products of a tile attain.
        score: seconds that one multiprocessor needs for the softmax of one score, its exponential above all.
        exposed: of the shorter of products and softmax, what is not hidden behind the longer.
        prologue: keys that starting and ending a tile of queries take as long as.
        tail: of the longest tile of queries, what runs on after most multiprocessors have nothing left.
        bandwidth: share of the memory bandwidth that reading and writing queries, keys, values and output attain.
        launch: seconds before the first and after the last instruction.
        training: rate of the kernel that trains relative to the measured one, which serves: published, at equal size; 1
            for kernels that do not train.
        backward: rate of the backward pass relative to the forward at equal size, both in FLOP per second; likewise.
    """

    share: float
    score: float
    exposed: float
    prologue: float
    tail: float
    bandwidth: float
    launch: float
    training: float = 1.0
    backward: float = 1.0

    def seconds(
        self,
        batch: Count,
        heads: Count,
        kv_heads: Count,
        queries: Count,
        keys: Count,
        qk_dim: Count,
        v_dim: Count,
        *,
        causal: bool,
        pairs: Count | None,
        element: float,
        peak: float,
        memory: float,
        processors: int,
    ) -> Seconds:
        """Of the forward pass; the arguments are those of :meth:`weighbridge.hardware.speeds.Speeds.attention`."""
        tiles = batch * heads * ceil_div(queries, TILE)
        mean, longest = _keys_seen(queries, keys, causal, pairs)
        share_of_each = ratio(tiles * (mean + self.prologue), processors) + self.tail * (longest + self.prologue)
        flops = 2 * (qk_dim + v_dim)
        products = flops * (processors / (self.share * peak))
        per_key = TILE * (maximum(products, self.score) + self.exposed * minimum(products, self.score))
        computing = maximum(longest + self.prologue, share_of_each) * (per_key / self.training)
        queried = heads * queries * (qk_dim + v_dim)
        kept = kv_heads * keys * (qk_dim + v_dim)
        moving = ratio(batch * (queried + kept) * element, self.bandwidth * memory)
        return self.launch + maximum(computing, moving)


def _keys_seen(queries: Count, keys: Count, causal: bool, pairs: Count | None) -> tuple[float, float]:
    """Keys that the tiles of queries run over: the mean tile, and the longest one.

    A causal tile runs to the end of the block of keys that its last query sees, on the mean one tile's width more than
    its queries need.
    """
    extra = TILE if causal else 0
    if pairs is not None:
        mean = ratio(pairs, queries) + extra
        return mean, minimum(mean, keys + 0.0) if causal else mean
    return (keys - ratio(queries - 1, 2) + extra, keys) if causal else (keys, keys)
