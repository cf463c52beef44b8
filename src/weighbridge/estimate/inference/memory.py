"""The memory of a rank that serves: weights, the cache, what a pass makes, and what the engine takes besides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

from weighbridge.arithmetic import Count, ceil_div, total
from weighbridge.estimate.inference.passes import Forward, forward, paged, prompts, token
from weighbridge.estimate.inference.room import Room
from weighbridge.estimate.inference.weights import RankWeights
from weighbridge.hardware.cluster import Cluster
from weighbridge.models import Model
from weighbridge.parallel.serving import Serving
from weighbridge.tape import Use
from weighbridge.traced import plain

MOST_SEQUENCES = 1_000_000
"""More sequences than any rank holds."""

MOST_POSITIONS = 1 << 30
"""More positions than any sequence has."""


@dataclass(frozen=True, eq=False)
class ServingMemory:
    """What the fullest rank holds.

    Attributes:
        model: what is served.
        serving: how.
        weights: what a rank would hold of all layers.
        cluster: on what; ``None`` leaves out what the device decides.
    """

    model: Model
    serving: Serving
    weights: RankWeights
    cluster: Cluster | None = None

    @cached_property
    def weight_bytes(self) -> Count:
        """A rank's bytes of weights. Pipeline stages are taken to hold equal shares, rounded up."""
        return self._of_a_stage(self.weights.bytes)

    def _of_a_stage(self, held: Count) -> Count:
        """A stage's share of what all layers hold."""
        stages = self.serving.pipeline
        return held if stages == 1 else ceil_div(held, stages)

    def cache_of(self, sequences: Count, positions: Count, pages: bool = True) -> Count:
        """A rank's bytes of the cache of so many sequences of so many positions each.

        Args:
            sequences: of the rank.
            positions: of each.
            pages: positions take whole pages, as the engine allots them.
        """
        block = self.serving.engine.block if pages else 1
        one = self._after(positions)
        held = total(times * self.serving.cached(paged(tensor, block)) for tensor, times in one.stored)
        return sequences * self._of_a_stage(held)

    def _after(self, positions: Count) -> Forward:
        return forward(self.model, self.serving, prompts(self.serving, 1, positions), self.cluster)

    @cached_property
    def cache_bytes(self) -> Count:
        """A rank's bytes of the cache when its sequences are longest."""
        return self.cache_of(self.serving.sequences, self.serving.prompt + self.serving.output)

    @cached_property
    def cache_per_token(self) -> Count:
        """Bytes of the cache that one more token of one sequence takes, on all ranks of a replica but copies."""
        return self.cache_after(self.serving.prompt + self.serving.output)

    def cache_after(self, positions: Count) -> Count:
        """The same after so many positions."""
        whole = replace(self, serving=replace(self.serving, tensor=1, pipeline=1, expert=1, data=1))
        return whole.cache_of(1, positions + 1, pages=False) - whole.cache_of(1, positions, pages=False)

    @cached_property
    def fullest(self) -> Forward:
        """The pass that makes most at its peak, of the longest that the engine runs."""
        serving = self.serving
        longest = min(serving.pass_tokens, serving.prompt)
        rows = max(1, serving.pass_tokens // longest)
        runs = (prompts(serving, rows, longest), token(serving.sequences, longest))
        return max((forward(self.model, serving, run, self.cluster) for run in runs), key=lambda one: one.peak)

    @property
    def passing(self) -> dict[Use, int]:
        """A rank's bytes of what passes make at their peak, by what for."""
        return self.fullest.standing

    @property
    def activations(self) -> Count:
        """A rank's bytes of what passes make at their peak, logits included."""
        return sum(self.passing.values())

    @property
    def logits(self) -> Count:
        """Those of them that are scores of the vocabulary."""
        return self.passing.get(Use.LOGITS, 0)

    @property
    def hidden(self) -> Count:
        """The others of them."""
        return self.activations - self.logits

    @cached_property
    def outside(self) -> Count:
        """Bytes outside the allocator: the device's context and loaded kernels; 0 without a device."""
        return 0 if self.cluster is None else self.cluster.device.context_bytes

    @cached_property
    def needed(self) -> Count:
        """Bytes that a rank needs."""
        return total(self.parts.values())

    @property
    def parts(self) -> dict[str, Count]:
        """The same line by line."""
        return {
            "weights": self.weight_bytes,
            "kv_cache": self.cache_bytes,
            "activations": self.activations,
            "context": self.outside,
        }

    @property
    def capacity(self) -> Count | None:
        """Bytes that the engine may take of the device; ``None`` without one."""
        return None if self.room is None else self.room.engine_takes

    @property
    def pool(self) -> Count | None:
        """Bytes that are left for the cache, all of which the engine reserves; ``None`` without a device."""
        return None if self.room is None else self.room.left_for_cache

    @cached_property
    def room(self) -> Room | None:
        """What the engine may take of the device, and what of it is left; ``None`` without a device."""
        if self.cluster is None:
            return None
        return Room(
            usable_bytes=self.cluster.device.usable_bytes,
            memory_share=self.serving.memory_share or self.serving.engine.memory_share or 1.0,
            weights=self.weight_bytes,
            activations=self.activations,
            context=self.outside,
        )

    @property
    def free(self) -> Count | None:
        """Bytes that the engine may take beyond what a rank needs, negative where it does not fit; ``None`` without a
        device.
        """
        return None if self.capacity is None else self.capacity - self.needed

    @property
    def beyond(self) -> Count:
        """Bytes that the engine takes and nobody needs yet, pages of the cache for more users: the rest of its share of
        the device, where it takes one and the rank fits.
        """
        takes = self.serving.engine.memory_share is not None or self.serving.memory_share is not None
        return self.room.reserved(self.needed) if takes and self.fits and self.room is not None else 0

    @property
    def fits(self) -> bool | None:
        """Whether the rank holds all of it; ``None`` without a device."""
        return None if self.pool is None else self.pool >= self.cache_bytes

    @cached_property
    def max_batch(self) -> int | None:
        """The most sequences of prompt and output that all ranks hold at once, with what passes of so many make;
        ``None`` without a device.
        """
        if self.pool is None:
            return None
        high = self._held(1)
        low = self._held(high) if high else 0  # more sequences take more beside the cache, so that fewer are held
        high = min(high, self._held(low)) if 0 < low < high else high
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self._held(middle) >= middle else (low, middle - 1)
        return low * self.serving.data

    def _held(self, sequences: int) -> int:
        """Sequences for which a rank has room beside what passes of so many make."""
        one = self.cache_of(1, self.serving.prompt + self.serving.output)
        room = replace(self, serving=replace(self.serving, batch=sequences * self.serving.data)).room
        assert room is not None
        return MOST_SEQUENCES if one == 0 else int(min(room.sequences(one), MOST_SEQUENCES))

    @cached_property
    def longest_context(self) -> int | None:
        """The most positions that one sequence alone may have; ``None`` without a device, or where nothing grows."""
        pool = self.pool
        if pool is None:
            return None
        start = int(plain(self.serving.prompt + self.serving.output))
        return _most(lambda length: self.cache_of(1, length), pool, MOST_POSITIONS, self.serving.engine.block, start)


def _most(takes: Callable[[int], Count], room: Count, end: int, step: int, start: int) -> int | None:
    """The most of something, of which more takes more, whose bytes fit into a room; ``None`` where half of ``end``
    still fits.

    What takes bytes in proportion, in whole steps, is found by a straight line: through the last two that fit, from
    ``start`` on, then between what fits and what does not. Each look is a pass through the model.
    """
    low, high = (0, 0), (start, takes(start))
    while high[1] <= room:
        if 2 * high[0] >= end:
            return None
        reached = _reached(low, high, room, step)
        further = min(reached + 1 if reached > high[0] else 2 * high[0], end // 2)
        low, high = high, (further, takes(further))
    while high[0] - low[0] > 1:
        whole = _reached(low, high, room, step)
        near = (whole + side + more for side in (0, step, -step) for more in (0, 1))
        for size in (*near, (low[0] + high[0]) // 2):
            if low[0] < size < high[0]:
                found = (size, takes(size))
                low, high = (found, high) if found[1] <= room else (low, found)
    return low[0]


def _reached(one: tuple[int, Count], other: tuple[int, Count], room: Count, step: int) -> int:
    """Where a straight line through two sizes and their bytes reaches a room, to the whole step below; 0 where both
    take the same.
    """
    steps, further = ceil_div(one[0], step), ceil_div(other[0], step)
    more = other[1] - one[1]
    return (steps + (room - one[1]) * (further - steps) // more) * step if more else 0
