"""How long attention takes that makes one token of each sequence: keys and values are read once, little is computed."""

from __future__ import annotations

from dataclasses import dataclass

from weighbridge.arithmetic import Count, ceil_div, maximum, minimum, ratio

Seconds = float

TILE_QUERIES = 64
"""Rows of a tensor core's tile: the query heads that share keys fill it, however few they are. Source: PTX ISA,
``wgmma.mma_async``: M is 64; FlashAttention-2, csrc/flash_attn/flash_api.cpp: 64 queries where it splits keys."""

TILE_KEYS = 128
"""Keys that are worked through at a time. Source: as in ``weighbridge.hardware.speeds.attention.TILE``."""


@dataclass(frozen=True)
class DecodeCurve:
    """How a device's kernel runs attention of one new token per sequence over kept keys and values of one type.

    A work item is one key and value head of one sequence, for as many query heads as a tile holds. Where items are few,
    their keys are split among multiprocessors.

    Attributes:
        share: of the peak rate in 16 bits that the products of a tile attain.
        score: seconds that one multiprocessor needs for the softmax of one score of a tile.
        item: seconds that each item costs one multiprocessor, however many keys it has.
        exposed: of those seconds, what is not hidden behind reading keys and values.
        ramp: blocks of 128 keys that are worked through before reading and computing overlap.
        most: multiprocessors that the keys of one item are split among, at most.
        edge: blocks of 128 keys that the edge of a sliding window costs: they are masked, and other kernels run.
        bandwidth: share of the memory bandwidth that reading keys and values attains.
        cached: rate of reading those from the second-level cache, relative to that.
        launch: seconds before the first and after the last instruction, the sum over split keys included.
        rows: query heads that a tile holds.
    """

    share: float
    score: float
    item: float
    exposed: float
    ramp: float
    most: float
    bandwidth: float
    cached: float
    launch: float
    edge: float = 0.0
    rows: int = TILE_QUERIES

    def seconds(
        self,
        batch: Count,
        heads: Count,
        kv_heads: Count,
        keys: Count,
        kept: Count | float,
        dims: Count,
        *,
        window: Count | None,
        peak: float,
        memory: float,
        processors: int,
        resident: Count = 0,
    ) -> Seconds:
        """Of one new token of each sequence.

        Args:
            batch: sequences.
            heads: query heads.
            kv_heads: key and value heads.
            keys: positions of each sequence that are kept, the new one included.
            kept: bytes of keys and values of one position of one key head.
            dims: size of a head's keys and of its values, added up.
            window: positions that a query sees at most; ``None`` without a window.
            peak: FLOP per second of the device in 16 bits.
            memory: bytes per second of its memory.
            processors: its multiprocessors.
            resident: 1 where keys and values still lie in the second-level cache, as in tables that run a kernel over
                and over; 0 in a model, whose other layers have passed through it.
        """
        items = batch * kv_heads * ceil_div(heads, self.rows * kv_heads)
        seen = keys if window is None else minimum(keys, window)
        blocks = ceil_div(seen, TILE_KEYS) + self.edge * minimum(1, keys - seen)
        block = self.rows * TILE_KEYS * (dims * (2 * processors / (self.share * peak)) + self.score)
        alone = minimum(blocks, self.ramp) * block
        own = ceil_div(items, processors) * self.item
        computing = maximum(ratio(items * blocks, processors), ratio(blocks, self.most)) * block + own
        moved = batch * (kv_heads * seen * kept + heads * dims * 2)
        moving = ratio(moved, self.bandwidth * memory * (1 + resident * (self.cached - 1)))
        return self.launch + alone + maximum(computing, moving + self.exposed * own)
