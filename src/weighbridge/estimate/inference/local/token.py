"""What one token takes on one's own devices: bytes read, kernels, and handing over from device to device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from weighbridge.arithmetic import ratio
from weighbridge.estimate.explainable import Explainable
from weighbridge.estimate.inference.local.rates import Rates, owned
from weighbridge.sums import summed
from weighbridge.traced import Label, identifier, named, plain


@dataclass(frozen=True)
class Read:
    """Weights of one type that a device reads for a token.

    Attributes:
        name: what symbols call the device; empty where it is the only one.
        kind: the type.
        size: bytes.
    """

    name: str
    kind: str
    size: float

    def symbol_of(self, field: str) -> str:
        """What formulas call a field."""
        return owned(self.name, f"{identifier(self.kind)}_read") if field == "size" else field


@dataclass(frozen=True)
class Mapped:
    """Weights that memory does not hold, which are read from the file for every token.

    Attributes:
        beyond: bytes of them.
        active: of the weights that a token reads.
        disk: bytes per second.
    """

    beyond: int
    active: float
    disk: float

    @property
    def seconds(self) -> float:
        """Of one token."""
        label = Label("disk_seconds", "seconds", "for weights that memory does not hold")
        return named(ratio(self.beyond * self.active, self.disk), label)

    def symbol_of(self, field: str) -> str:
        """What formulas call a field."""
        return {"beyond": "bytes_beyond_memory", "active": "share_read", "disk": "disk_bandwidth"}[field]


@dataclass(frozen=True)
class Handover:
    """Activations that go from device to device.

    Attributes:
        times: that they do for a token.
        event: seconds beside the bytes.
        moved: bytes.
        link: bytes per second; ``None`` where nothing is known.
    """

    times: int
    event: float
    moved: int
    link: float | None

    @property
    def seconds(self) -> float:
        """Of one time."""
        label = Label("handover_seconds", "seconds", "from device to device, once")
        return named(self.event if self.link is None else self.event + ratio(self.moved, self.link), label)

    def symbol_of(self, field: str) -> str:
        """What formulas call a field."""
        known = {"times": "handovers", "event": "handover_event", "moved": "activation_bytes", "link": "pcie_bandwidth"}
        return known[field]


@dataclass(frozen=True)
class Part:
    """What one device does for a token.

    Attributes:
        name: what symbols call the device.
        pace: its rates.
        reads: weights that it reads.
        cached: bytes of the cache of all layers.
        kernels: of all layers.
        layers: that the device has.
        every_layer: layers of the model.
        ahead: kernels are launched ahead, in a graph.
        again: how often each byte of the cache is asked for, where that is not once.
        copied: the cache is first written out for every query head, and read there.
        mapped: weights that come from disk; ``None`` for none.
    """

    name: str
    pace: Rates
    reads: tuple[Read, ...]
    cached: int
    kernels: int
    layers: int
    every_layer: int
    ahead: bool
    again: float | None = None
    copied: bool = False
    mapped: Mapped | None = None

    @property
    def weights_seconds(self) -> float:
        """To read the weights."""
        spent = summed(ratio(one.size, self.pace.rate(one.kind)) for one in self.reads)
        return named(spent, Label("weights_seconds", "seconds", "to read the weights that a token meets"))

    @property
    def cache_seconds(self) -> float:
        """To read the cache."""
        if not plain(self.layers):
            return 0
        kept, rate = self._of_layers(self.cached), self.pace.rate(again=self.again)
        if self.copied and self.again is not None:
            kept, rate = kept * (1 + 2 * self.again), self.pace.rate()
        return named(ratio(kept, rate), Label("cache_seconds", "seconds", "to read keys and values"))

    @property
    def kernel_seconds(self) -> float:
        """Of kernels beside what they read."""
        if not plain(self.layers) or not plain(self.pace.gap):
            return 0
        spent = self._of_layers(self.kernels) * self.pace.kernel(self.ahead)
        return named(spent, Label("kernel_seconds", "seconds", "of kernels beside what they read"))

    @property
    def seconds(self) -> float:
        """Of its part of a token."""
        spent = self.weights_seconds + self.cache_seconds + self.kernel_seconds
        label = Label(f"{self.name}_seconds", "seconds")
        return named(spent if self.mapped is None else spent + self.mapped.seconds, label)

    def symbol_of(self, field: str) -> str:
        """What formulas call a field."""
        known = {"cached": "cache_bytes", "every_layer": "layers", "again": "queries_per_key"}
        return owned(self.pace.name, "layers_here") if field == "layers" else known.get(field, field)

    def _of_layers(self, whole: int) -> float:
        """Of what all layers have, the share of those that the device has."""
        return ratio(whole * self.layers, self.every_layer)


@dataclass(frozen=True)
class Token(Explainable):
    """One token after so many.

    Attributes:
        parts: what the devices do one after another.
        handover: between them; ``None`` where one has all.
    """

    figures: ClassVar[tuple[str, ...]] = ("per_second", "seconds")

    parts: tuple[Part, ...]
    handover: Handover | None = None

    @property
    def seconds(self) -> float:
        """Seconds that it takes."""
        spent = summed(part.seconds for part in self.parts)
        if self.handover is not None:
            spent = spent + self.handover.times * self.handover.seconds
        return named(spent, Label("token_seconds", "seconds"))

    @property
    def per_second(self) -> float:
        """Tokens that are made in a second."""
        return named(ratio(1, self.seconds), Label("tokens_per_second", "tokens/s"))
