"""How long a fused attention kernel takes: scores in tiles, each with its two products and its softmax."""

from __future__ import annotations

from dataclasses import dataclass

from weighbridge.arithmetic import Count, ceil_div, maximum, ratio

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
        score: seconds that one multiprocessor needs per score beyond the products: the exponential and what goes with
            it, as far as they are not hidden.
        prologue: keys that starting and ending a tile of queries take as long as.
        quantised: share of the work that waits for the last wave to end.
        bandwidth: share of the memory bandwidth that reading and writing queries, keys, values and output attain.
        launch: seconds before the first and after the last instruction.
        backward: rate of the backward pass relative to the forward at equal size, both in FLOP per second.
    """

    share: float
    score: float
    prologue: float
    quantised: float
    bandwidth: float
    launch: float
    backward: float

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
        blocks = ceil_div(queries, TILE)
        seen = _keys_per_query(queries, keys, causal, pairs) + self.prologue
        tiles = batch * heads * blocks
        waves = (1 - self.quantised) * ratio(tiles, processors) + self.quantised * ceil_div(tiles, processors)
        flops = 2 * (qk_dim + v_dim)
        computing = waves * seen * (TILE * (flops * (processors / (self.share * peak)) + self.score))
        queried = heads * queries * (qk_dim + v_dim)
        kept = kv_heads * keys * (qk_dim + v_dim)
        moving = ratio(batch * (queried + kept) * element, self.bandwidth * memory)
        return self.launch + maximum(computing, moving)


def _keys_per_query(queries: Count, keys: Count, causal: bool, pairs: Count | None) -> float:
    """Keys that the kernel's tiles run over for the mean query: a causal diagonal is cut at whole tiles."""
    if pairs is not None:
        return ratio(pairs, queries) + TILE / 2 if causal else ratio(pairs, queries)
    if not causal:
        return keys
    return keys - ratio(queries - 1, 2) + TILE / 2
