"""How long a collective takes inside one link domain: steps of latency, bytes over the link, bytes copied in memory."""

from __future__ import annotations

from dataclasses import dataclass

from weighbridge.arithmetic import Count, minimum, ratio

KINDS = ("all_reduce", "all_gather", "reduce_scatter", "all_to_all")
"""Collectives that are measured."""


@dataclass(frozen=True)
class LinkCurve:
    """One collective over one kind of link, as the faster of two protocols: one that sends each word with its flag and
    waits for nothing (NCCL's LL and LL128), one that sends large pieces (Simple).

    Attributes:
        quick_base: seconds of a call of the first protocol, whatever it sends.
        quick_hop: seconds of each further step of it.
        quick_share: of the link's bandwidth that it attains.
        wide_base: as ``quick_base``, of the second.
        wide_hop: as ``quick_hop``, of the second.
        wide_share: as ``quick_share``, of the second.
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

    def seconds(self, steps: Count, wire: float, copied: float, link: float, memory: float) -> float:
        """Of the faster protocol.

        Args:
            steps: messages that follow one another.
            wire: bytes that each GPU sends.
            copied: bytes that each GPU copies in its memory.
            link: bytes per second that each GPU sends.
            memory: bytes per second of its memory.
        """
        copying = ratio(2 * copied, self.copy * memory)
        quick = self.quick_base + self.quick_hop * steps + ratio(wire, self.quick_share * link)
        wide = self.wide_base + self.wide_hop * steps + ratio(wire, self.wide_share * link)
        return minimum(quick, wide) + copying

    def switched(self, size: float, ranks: Count, link: float) -> float:
        """Seconds of an all-reduce in the switch: every GPU sends its tensor once and its share of the sum once more.

        Source: NCCL, src/device/all_reduce.h, NVLS: each GPU reads the sum of its share through the switch and writes
        it back to all.
        """
        return self.switch_base + ratio(size + ratio(size, ranks), self.switch_share * link)
