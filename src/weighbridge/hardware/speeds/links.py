"""How long a collective takes inside one link domain: steps of latency, bytes over the link, bytes copied in memory."""

from __future__ import annotations

from dataclasses import dataclass

from weighbridge.arithmetic import Count, minimum, ratio

KINDS = ("all_reduce", "all_gather", "reduce_scatter", "all_to_all")
"""Collectives that are measured."""


@dataclass(frozen=True)
class Protocol:
    """One way to send: NCCL's LL and LL128 put a flag beside each word and wait for nothing; Simple sends large pieces.

    Attributes:
        base: seconds of a call, whatever it sends.
        hop: seconds of each step.
        share: of the link's bandwidth that is attained.
    """

    base: float
    hop: float
    share: float


@dataclass(frozen=True)
class LinkCurve:
    """One collective over one kind of link.

    Attributes:
        quick_base: seconds of a call of the protocol for small messages.
        quick_hop: seconds of each step of it.
        quick_share: of the link's bandwidth that it attains.
        wide_base: as ``quick_base``, of the protocol for large messages.
        wide_hop: as ``quick_hop``, of that.
        wide_share: as ``quick_share``, of that.
        copy: share of the memory bandwidth at which what stays on the GPU is copied: every byte is read and written.
        switch_base: seconds of a call where the switch itself adds up and spreads (NVLS); 0 where it does not.
        switch_share: of the link's bandwidth that this attains; 0 where there is none.
    """

    quick_base: float
    quick_hop: float
    quick_share: float
    wide_base: float
    wide_hop: float
    wide_share: float
    copy: float
    switch_base: float = 0.0
    switch_share: float = 0.0

    @property
    def quick(self) -> Protocol:
        """The protocol for small messages."""
        return Protocol(self.quick_base, self.quick_hop, self.quick_share)

    @property
    def wide(self) -> Protocol:
        """The protocol for large messages."""
        return Protocol(self.wide_base, self.wide_hop, self.wide_share)

    def copying(self, copied: float, memory: float) -> float:
        """Seconds of copying bytes at ``memory`` bytes per second."""
        return ratio(2 * copied, self.copy * memory)

    def switched(self, size: float, ranks: Count, link: float) -> float:
        """Seconds of an all-reduce in the switch: every GPU sends its tensor once and its share of the sum once more.

        Source: NCCL, src/device/all_reduce.h, NVLS: each GPU reads the sum of its share through the switch and writes
        it back to all.
        """
        return self.switch_base + ratio(size + ratio(size, ranks), self.switch_share * link)


@dataclass(frozen=True)
class DirectCurve:
    """An engine's own all-reduce: every GPU reads the others' memory over the link, without NCCL's rings.

    Once: each reads all tensors whole and adds them up. Twice: each adds up its part of them, then gathers the others'
    parts. Source: vLLM@v0.11.0, csrc/custom_all_reduce.cuh, ``cross_device_reduce_1stage`` and ``_2stage``.

    Attributes:
        hop: seconds for each other GPU that is waited for.
        once_base: seconds of a call that reads once.
        once_share: of the link's bandwidth that it attains.
        twice_base: as ``once_base``, of a call that reads twice.
        twice_share: as ``once_share``, of that.
    """

    hop: float
    once_base: float
    once_share: float
    twice_base: float
    twice_share: float

    def seconds(self, size: Count, ranks: Count, link: float) -> float:
        """Of the sum of all ranks' tensors of ``size`` bytes, at every rank."""
        others = ranks - 1
        once = self.once_base + ratio(size * others, self.once_share * link)
        twice = self.twice_base + ratio(2 * size * others, ranks * (self.twice_share * link))
        return self.hop * others + minimum(once, twice)
