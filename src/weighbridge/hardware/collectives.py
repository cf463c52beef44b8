"""How long collectives take in a cluster: latency and bytes over bandwidth, inside link domains and between them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, reduce

from weighbridge.arithmetic import Count, ceil_div, floor_div, maximum, minimum, ratio, total, where
from weighbridge.hardware.cluster import Cluster
from weighbridge.hardware.speeds.links import LinkCurve
from weighbridge.hardware.speeds.reading import Measured, found, linked, measured

Seconds = float

NETWORK_SHARE = 0.94
"""Share of the adapters' bandwidth that large messages attain. Source: all-reduce of 16 GiB over 32 B200 in 4 servers
of 8 x 400 Gb/s: 376.7 of 400 GB/s, stas00/ml-engineering@0cc3de5:network/benchmarks/README.md."""

RING_HOP = 4.0e-6
TREE_HOP = 8.5e-6
"""Seconds of a step over the network in a ring and in a tree. Source: NCCL@01afd20, src/graph/tuning.cc, ``hwLat`` of
NET, protocol LL128."""

TREE_SHARE = 0.9
"""Of the ring's bandwidth that a tree attains. Source: NCCL@01afd20, src/graph/tuning.cc, ``busBw*.9``."""

DEEPEST = 20
"""Levels of the deepest tree: a million servers."""


@dataclass(frozen=True)
class Collectives:
    """Seconds of collectives over groups of a cluster's GPUs.

    Ranks fill servers one after another; a group is ``ranks`` GPUs whose numbers are ``stride`` apart. Bytes are of the
    whole tensor: what is reduced, the gathered result, the input of a reduce-scatter, and in an all-to-all what one
    rank sends in all, its own part included. Sizes, ranks and strides may be numbers, traced numbers or arrays.

    Attributes:
        cluster: where the ranks are.
        curves: of the links inside a server or rack, measured on the same device or on the nearest with such links.
    """

    cluster: Cluster
    curves: Measured

    @cached_property
    def domain(self) -> int:
        """GPUs that reach one another without the network: a server, or a rack that its link joins."""
        return max(self.cluster.link_gpus, min(self.cluster.gpus_per_node, self.cluster.gpus))

    @cached_property
    def basis(self) -> str:
        """What the answers rest on, in words."""
        fit = self.curves.fits["collectives.all_reduce"]
        other = found(self.curves.name)
        rows = f"{fit.rows} all-reduces, half within {fit.median:.1%}"
        own = self.curves.name == self.cluster.device.name
        where_from = "measured on" if own else "scaled by link bandwidth from"
        return f"{where_from} {other.title} ({rows}); network: {NETWORK_SHARE:.0%} of its bandwidth"

    def local(self, ranks: Count, stride: Count = 1) -> Count:
        """Ranks of the group that share a link domain."""
        return minimum(ranks, maximum(1, floor_div(self.domain, stride)))

    def domains(self, ranks: Count, stride: Count = 1) -> Count:
        """Link domains that the group spans."""
        return ceil_div(ranks, self.local(ranks, stride))

    def link(self, ranks: Count, stride: Count = 1) -> float:
        """Bytes per second that each GPU sends inside a domain: over PCIe where the link does not join the group."""
        device = self.cluster.device
        if not device.link_bandwidth:
            return device.pcie_bandwidth
        span = (self.local(ranks, stride) - 1) * stride + 1
        return where(floor_div(self.cluster.link_gpus, span), device.link_bandwidth, device.pcie_bandwidth)

    @cached_property
    def switched(self) -> bool:
        """Whether the switch of the link adds up: NVLink 4 and later with an NVSwitch."""
        device = self.cluster.device
        return device.capability is not None and device.capability >= (9, 0) and device.link_gpus >= 4

    def all_reduce(self, size: Count, ranks: Count, stride: Count = 1) -> Seconds:
        """The sum of all ranks' tensors of ``size`` bytes, at every rank."""
        curve = self.curves.collectives["all_reduce"]
        wire = 2 * ratio(size * (ranks - 1), ranks)
        ways = [self._ring(curve, 2, wire, size, ranks, stride), self._tree(curve, size, ranks, stride)]
        if self.switched and curve.switch_share:
            ways.append(self._switch(curve, size, ranks, stride))
        return self._alone(ranks, reduce(minimum, ways))

    def all_gather(self, size: Count, ranks: Count, stride: Count = 1) -> Seconds:
        """Every rank's part, at every rank; ``size`` bytes are gathered."""
        return self._gather("all_gather", size, ranks, stride)

    def reduce_scatter(self, size: Count, ranks: Count, stride: Count = 1) -> Seconds:
        """The sum of all ranks' tensors of ``size`` bytes, a part at each rank."""
        return self._gather("reduce_scatter", size, ranks, stride)

    def broadcast(self, size: Count, ranks: Count, stride: Count = 1) -> Seconds:
        """One rank's tensor, at every rank."""
        curve = self.curves.collectives["all_gather"]
        return self._alone(ranks, self._ring(curve, 1, size, 0, ranks, stride))

    def all_to_all(self, size: Count, ranks: Count, stride: Count = 1) -> Seconds:
        """Every rank sends each rank another part of its ``size`` bytes, inside and outside its domain at once."""
        curve, device = self.curves.collectives["all_to_all"], self.cluster.device
        local = self.local(ranks, stride)
        inside = ratio(size * (local - 1), ranks)
        outside = ratio(size * (ranks - local), ranks)
        near = curve.seconds(1, inside, ratio(size, ranks), self.link(ranks, stride), device.memory_bandwidth)
        far = RING_HOP * minimum(1, ranks - local) + ratio(outside, self._network)
        return self._alone(ranks, near + maximum(0.0, far - ratio(inside, self.link(ranks, stride))))

    def send(self, size: Count, stride: Count = 1) -> Seconds:
        """One rank's tensor of ``size`` bytes, to the rank ``stride`` further on."""
        curve, device = self.curves.collectives["all_to_all"], self.cluster.device
        near = curve.seconds(1, size, 0, self.link(2, stride), device.memory_bandwidth)
        far = curve.quick_base + RING_HOP + ratio(size, self._network)
        return where(self.domains(2, stride) - 1, far, near)

    @cached_property
    def _network(self) -> float:
        return NETWORK_SHARE * self.cluster.network_bandwidth

    def _gather(self, kind: str, size: Count, ranks: Count, stride: Count) -> Seconds:
        wire = ratio(size * (ranks - 1), ranks)
        return self._alone(ranks, self._ring(self.curves.collectives[kind], 1, wire, ratio(size, ranks), ranks, stride))

    def _alone(self, ranks: Count, seconds: Seconds) -> Seconds:
        """Nothing where a group has one rank."""
        return where(ranks - 1, seconds, 0.0)

    def _ring(self, curve: LinkCurve, rounds: int, wire: float, copied: float, ranks: Count, stride: Count) -> Seconds:
        """Rings through all ranks, one for each adapter: the slower of link and adapters sets the pace."""
        local, between = self.local(ranks, stride), self.domains(ranks, stride) - 1
        link, memory = self.link(ranks, stride), self.cluster.device.memory_bandwidth
        inside = curve.seconds(rounds * (ranks - 1 - between), wire, copied, link, memory)
        crossing = ratio(wire, local * self._network)
        waits = maximum(0.0, crossing - ratio(wire, curve.wide_share * link))
        return inside + where(between, rounds * between * RING_HOP + waits, 0.0)

    def _tree(self, curve: LinkCurve, size: Count, ranks: Count, stride: Count) -> Seconds:
        """Up and down a tree of domains, chains inside them."""
        local, domains = self.local(ranks, stride), self.domains(ranks, stride)
        link, memory = self.link(ranks, stride), self.cluster.device.memory_bandwidth
        inside = curve.seconds(2 * (local - 1), ratio(2 * size, TREE_SHARE), size, link, memory)
        crossing = ratio(2 * size, TREE_SHARE * local * self._network)
        waits = maximum(0.0, crossing - ratio(2 * size, TREE_SHARE * curve.wide_share * link))
        return inside + where(domains - 1, 2 * _depth(domains) * TREE_HOP + waits, 0.0)

    def _switch(self, curve: LinkCurve, size: Count, ranks: Count, stride: Count) -> Seconds:
        """In the switches, and up and down a tree of domains between them, as one stream."""
        local, domains = self.local(ranks, stride), self.domains(ranks, stride)
        inside = curve.switched(size, local, self.link(ranks, stride))
        crossing = ratio(2 * size, TREE_SHARE * local * self._network)
        far = maximum(inside, curve.switch_base + crossing) + 2 * _depth(domains) * TREE_HOP
        return where(domains - 1, far, inside)


def _depth(domains: Count) -> Count:
    """Levels of a binary tree: the logarithm to base 2, rounded down."""
    return total(minimum(1, floor_div(domains, 2**level)) for level in range(1, DEEPEST + 1))


def collectives(cluster: Cluster) -> Collectives:
    """Collectives of a cluster, from the measured device that its own links are most like."""
    return Collectives(cluster, measured(linked(cluster.device)))
