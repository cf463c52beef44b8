"""What an engine may take of a device, and what of it is left beside weights and passes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from weighbridge.arithmetic import Count, floor_div, maximum, scale
from weighbridge.estimate.explainable import Explainable
from weighbridge.traced import Label, named


@dataclass(frozen=True)
class Room(Explainable):
    """Bytes of a device that serves.

    Attributes:
        usable_bytes: that the device lets programs have.
        memory_share: of them that the engine may take.
        weights: a rank's.
        activations: what passes make at their peak.
        context: outside the allocator.
    """

    figures: ClassVar[tuple[str, ...]] = ("engine_takes", "left_for_cache")

    usable_bytes: Count
    memory_share: float
    weights: Count
    activations: Count
    context: Count

    @property
    def engine_takes(self) -> Count:
        """Bytes that the engine may take of the device."""
        label = Label("engine_takes", "bytes", "of what the device lets programs have")
        return named(scale(self.usable_bytes, self.memory_share), label)

    @property
    def left_for_cache(self) -> Count:
        """Bytes of them that are left for the cache, all of which the engine reserves; below 0 where too few are."""
        beside = self.weights + self.activations + self.context
        return named(self.engine_takes - beside, Label("left_for_cache", "bytes"))

    def sequences(self, each: Count, replicas: Count = 1) -> Count:
        """Sequences of so many bytes each whose cache a rank of every replica has room for."""
        return floor_div(maximum(self.left_for_cache, 0), each) * replicas

    def reserved(self, needed: Count) -> Count:
        """Bytes that the engine takes beside what is needed."""
        return named(self.engine_takes - needed, Label("reserved", "bytes", "taken by the engine, for more cache"))

    def missing(self, needed: Count) -> Count:
        """Bytes that are needed beside what the engine may take."""
        return named(needed - self.engine_takes, Label("missing", "bytes", "more than the engine may take"))
