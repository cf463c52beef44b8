"""Which device holds which layers, as llama.cpp deals them out, and whether each holds its part.

Source: ggml-org/llama.cpp, src/llama-model.cpp (load_tensors): the first layers stay on the host, the others go to
devices by cumulative shares, what stands after the layers counts as one more of them; the embedding stays on the host.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate
from typing import Any

from weighbridge.arithmetic import ceil_div, total
from weighbridge.estimate.inference.local.stored import File
from weighbridge.hardware.device import Device
from weighbridge.traced import Label, named, plain, trace


@dataclass(frozen=True)
class Host:
    """What holds layers that no GPU does.

    Attributes:
        processor: whose bandwidth reads them; ``None`` where nobody said.
        memory: bytes; ``None`` where nobody said.
        disk: bytes per second of what memory does not hold, which is mapped from the file and read for every token.
    """

    processor: Device | None = None
    memory: int | None = None
    disk: float | None = None


@dataclass(frozen=True)
class Share:
    """What one device holds.

    Attributes:
        device: the device; ``None`` for the host.
        layers: numbers of its layers.
        head: it has what stands after the layers.
        file: its weights.
        whole_cache: bytes of the cache of all layers.
        every_layer: layers of the model.
        buffers: bytes of what a pass makes.
        outside: bytes of the device's context.
        capacity: bytes that it holds; ``None`` where nobody said.
    """

    device: Device | None
    layers: tuple[int, ...]
    head: bool
    file: File
    whole_cache: int
    every_layer: int
    buffers: int
    outside: int
    capacity: int | None

    @cached_property
    def weights(self) -> int:
        """Bytes of its weights."""
        return self.file.bytes

    @property
    def cache(self) -> int:
        """Bytes of the cache of its layers."""
        if not self.layers:
            return 0
        own = ceil_div(self.whole_cache * len(self.layers), self.every_layer)
        return named(own, Label("cache", "bytes", "of the layers that it has"))

    @property
    def needed(self) -> int:
        """Bytes in all."""
        parts = (self.weights, self.cache, self.buffers, self.outside)
        return named(total(part for part in parts if plain(part)), Label("needed", "bytes"))

    @property
    def allocated(self) -> int:
        """Bytes that the engine allots."""
        return self.needed - self.outside

    def explained(self) -> Any:
        """Bytes in all with their derivation; a plain 0 where it holds nothing."""
        return trace(replace(self, device=None)).needed

    def symbol_of(self, field: str) -> str:
        """What formulas call a field."""
        return {"whole_cache": "cache_of_all_layers", "every_layer": "layers"}.get(field, field)

    @property
    def fits(self) -> bool:
        """It holds them, or nobody said how much it holds."""
        return self.capacity is None or self.needed <= self.capacity

    @property
    def beyond(self) -> int:
        """Bytes of weights that it does not hold."""
        return 0 if self.capacity is None else min(self.weights, max(0, self.needed - self.capacity))


def unified(device: Device) -> bool:
    """Its memory is the host's."""
    return device.kind in ("system on a chip", "CPU")


def dealt(layers: int, offloaded: int, shares: Sequence[float]) -> Iterator[int | None]:
    """For every layer, and for what stands after them, the number of its device; ``None`` for the host.

    Args:
        layers: of the model.
        offloaded: of those, and what stands after them as one more, that go to devices (``-ngl``).
        shares: of the devices, in any unit (``--tensor-split``).
    """
    offloaded = min(offloaded, layers + 1)
    first = max(0, layers - offloaded)
    ends = list(accumulate(share / sum(shares) for share in shares))
    for number in range(layers + 1):
        inside = number >= first and (number < layers or offloaded > layers)
        if not inside:
            yield None
            continue
        yield min(bisect_right(ends, (number - first) / offloaded), len(shares) - 1)
