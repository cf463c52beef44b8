"""How long collectives take in a cluster: latency and bytes over bandwidth, inside link domains and between them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, reduce

from weighbridge.arithmetic import Count, ceil_div, floor_div, maximum, minimum, ratio, total, where
from weighbridge.errors import InputError
from weighbridge.hardware.cluster import Cluster
from weighbridge.hardware.speeds.links import LinkCurve
from weighbridge.hardware.speeds.reading import Measured, found, linked, measured

Seconds = float

NETWORK_SHARE = 0.94
"""Share of the adapters' bandwidth that large messages attain. Source: all-reduce of 16 GiB over 32 B200 in 4 servers
of 8 x 400 Gb/s: 376.7 of 400 GB/s, stas00/ml-engineering@0cc3de5:network/benchmarks/README.md."""


@dataclass(frozen=True)
class NetworkProtocol:
    """A protocol between servers.

    Attributes:
        ring: seconds of a step of a ring.
        tree: seconds of a step of a tree.
        share: of the bandwidth that the network attains.
    """

    ring: float
    tree: float
    share: float


LL = NetworkProtocol(2.7e-6, 5.0e-6, 1 / 4)
LL128 = NetworkProtocol(4.0e-6, 8.5e-6, 0.92)
SIMPLE = NetworkProtocol(9.6e-6, 50e-6, 1.0)
"""Source: NCCL@01afd20, src/graph/tuning.cc: ``hwLat`` of NET; ``busBw`` times 1/4 for LL, 0.92 for LL128."""

LL128_CAPABILITIES = frozenset({(7, 0), (8, 0)})
"""Where LL128 crosses the network. Source: the same file, "enable LL128 by default only on Volta/Ampere"."""

SWITCH_HOP = 10.7e-6
"""Seconds of a step between servers where switches add up in them. Source: the same file, CollNet, Simple, NET."""

TREE_SHARE = 0.9
"""Of the ring's bandwidth that a tree attains. Source: the same file, ``busBw*.9``."""

DEEPEST = 20
"""Levels of the deepest tree: a million servers."""


@dataclass(frozen=True)
class Collectives:
    """Seconds of collectives over groups of a cluster's GPUs.

    Ranks fill servers one after another; a group is ``ranks`` GPUs whose numbers are ``stride`` apart. Bytes are of the
    whole tensor: what is reduced, the gathered result, the input of a reduce-scatter, and in an all-to-all what one
    rank sends in all, its own part included. Sizes, ranks and strides may be numbers, traced numbers or arrays. Other
    traffic on the same links is left out.

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
        how = f"measured on {other.title}" if own else f"scaled by link bandwidth from {other.title}"
        return f"{how} ({rows}); network: {NETWORK_SHARE:.0%} of its bandwidth, latencies of NCCL's model"

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
        if self.cluster.link_gpus >= self.domain:
            return device.link_bandwidth
        span = (self.local(ranks, stride) - 1) * stride + 1
        return where(floor_div(self.cluster.link_gpus, span), device.link_bandwidth, device.pcie_bandwidth)

    @cached_property
    def switched(self) -> bool:
        """Whether the switch of the link adds up: NVLink 4 and later with an NVSwitch."""
        device = self.cluster.device
        return device.capability is not None and device.capability >= (9, 0) and device.link_gpus >= 4

    @cached_property
    def network(self) -> float:
        """Bytes per second that each GPU really sends to other servers."""
        return NETWORK_SHARE * self.cluster.network_bandwidth

    def all_reduce(self, size: Count, ranks: Count, stride: Count = 1) -> Seconds:
        """The sum of all ranks' tensors of ``size`` bytes, at every rank: by a ring, a tree or the switches."""
        curve = self.curves.collectives["all_reduce"]
        wire = 2 * ratio(size * (ranks - 1), ranks)
        ways = [self._ring(curve, 2, wire, size, ranks, stride), self._tree(curve, size, ranks, stride)]
        if self.switched and curve.switch_share:
            ways.append(self._switch(curve, size, ranks, stride))
        return where(ranks - 1, reduce(minimum, ways), 0.0)

    def small_all_reduce(self, size: Count, ranks: Count, stride: Count = 1, engine: str = "vllm") -> Seconds:
        """The sum of all ranks' tensors of ``size`` bytes as a serving engine does it: by its own kernel, captured in a
        graph, inside a link domain and where that is faster than NCCL; else by NCCL.

        Args:
            size: bytes.
            ranks: how many.
            stride: ranks from one of them to the next.
            engine: whose kernel: ``vllm``, ``sglang`` or ``trtllm``.

        Raises:
            InputError: for an engine whose kernel was not measured.
        """
        direct, nccl = self.curves.direct, self.all_reduce(size, ranks, stride)
        if engine not in direct:
            raise InputError(f'engine: no all-reduce of "{engine}" was measured; allowed: {", ".join(direct)}')
        own = direct[engine].seconds(size, ranks, self.link(ranks, stride))
        return where(self.domains(ranks, stride) - 1, nccl, where(ranks - 1, minimum(own, nccl), 0.0))

    def all_gather(self, size: Count, ranks: Count, stride: Count = 1) -> Seconds:
        """Every rank's part, at every rank; ``size`` bytes are gathered."""
        return self._gather("all_gather", size, ranks, stride)

    def reduce_scatter(self, size: Count, ranks: Count, stride: Count = 1) -> Seconds:
        """The sum of all ranks' tensors of ``size`` bytes, a part at each rank."""
        return self._gather("reduce_scatter", size, ranks, stride)

    def broadcast(self, size: Count, ranks: Count, stride: Count = 1) -> Seconds:
        """One rank's tensor, at every rank."""
        curve = self.curves.collectives["all_gather"]
        return where(ranks - 1, self._ring(curve, 1, size, 0, ranks, stride), 0.0)

    def all_to_all(self, size: Count, ranks: Count, stride: Count = 1, leaving: float = 1.0) -> Seconds:
        """Every rank sends each rank another part of its ``size`` bytes, inside and outside its domain at once.

        Args:
            size: bytes.
            ranks: how many.
            stride: ranks from one of them to the next.
            leaving: share that leaves the domain, of what is for ranks outside: less than 1 where ranks of one domain
                get the same, which travels to it once (DeepEP, csrc/kernels/internode.cu).
        """
        curve = self.curves.collectives["all_to_all"]
        local = self.local(ranks, stride)
        inside, outside = ratio(size * (local - 1), ranks), ratio(leaving * size * (ranks - local), ranks)
        copying = curve.copying(ratio(size, ranks), self.cluster.device.memory_bandwidth)
        return where(ranks - 1, self._sent(curve, inside, outside, ranks, stride) + copying, 0.0)

    def send(self, size: Count, stride: Count = 1) -> Seconds:
        """One rank's tensor of ``size`` bytes, to the rank ``stride`` further on."""
        far = minimum(1, self.domains(2, stride) - 1)
        return self._sent(self.curves.collectives["all_to_all"], size * (1 - far), size * far, 2, stride)

    @cached_property
    def _protocols(self) -> tuple[NetworkProtocol, NetworkProtocol]:
        """Between servers: for small messages, and for large ones."""
        return (LL128 if self.cluster.device.capability in LL128_CAPABILITIES else LL), SIMPLE

    def _sent(self, curve: LinkCurve, inside: float, outside: float, ranks: Count, stride: Count) -> Seconds:
        """Bytes sent straight to others in the domain and outside it, both at once."""
        link, beyond = self.link(ranks, stride), minimum(1, self.domains(ranks, stride) - 1)
        ways = []
        for near, far in zip((curve.quick, curve.wide), self._protocols, strict=True):
            pace = maximum(ratio(inside, near.share * link), ratio(outside, far.share * self.network))
            ways.append(near.base + near.hop + far.ring * beyond + pace)
        return reduce(minimum, ways)

    def _gather(self, kind: str, size: Count, ranks: Count, stride: Count) -> Seconds:
        curve, wire = self.curves.collectives[kind], ratio(size * (ranks - 1), ranks)
        return where(ranks - 1, self._ring(curve, 1, wire, ratio(size, ranks), ranks, stride), 0.0)

    def _ring(self, curve: LinkCurve, rounds: int, wire: float, copied: float, ranks: Count, stride: Count) -> Seconds:
        """Rings through all ranks, one for each adapter: the slower of link and adapters sets the pace."""
        local, between = self.local(ranks, stride), self.domains(ranks, stride) - 1
        copying = curve.copying(copied, self.cluster.device.memory_bandwidth)
        ways = []
        for near, far in zip((curve.quick, curve.wide), self._protocols, strict=True):
            latency = near.base + near.hop * (rounds * (ranks - 1 - between)) + far.ring * (rounds * between)
            crossing = ratio(wire * minimum(1, between), local * far.share * self.network)
            ways.append(latency + maximum(ratio(wire, near.share * self.link(ranks, stride)) + copying, crossing))
        return reduce(minimum, ways)

    def _tree(self, curve: LinkCurve, size: Count, ranks: Count, stride: Count) -> Seconds:
        """Up and down a tree of domains, chains inside them."""
        local, domains = self.local(ranks, stride), self.domains(ranks, stride)
        wire = ratio(2 * size, TREE_SHARE)
        copying = curve.copying(size, self.cluster.device.memory_bandwidth)
        ways = []
        for near, far in zip((curve.quick, curve.wide), self._protocols, strict=True):
            latency = near.base + near.hop * (2 * (local - 1)) + far.tree * (2 * _depth(domains))
            crossing = ratio(wire * minimum(1, domains - 1), local * far.share * self.network)
            ways.append(latency + maximum(ratio(wire, near.share * self.link(ranks, stride)) + copying, crossing))
        return reduce(minimum, ways)

    def _switch(self, curve: LinkCurve, size: Count, ranks: Count, stride: Count) -> Seconds:
        """In the switches, and up and down a tree of domains between them, as one stream."""
        local, domains = self.local(ranks, stride), self.domains(ranks, stride)
        inside = curve.switched(size, local, self.link(ranks, stride))
        crossing = ratio(2 * size * minimum(1, domains - 1), TREE_SHARE * local * self.network)
        return maximum(inside, curve.switch_base + crossing) + SWITCH_HOP * (2 * _depth(domains))


def _depth(domains: Count) -> Count:
    """Levels of a binary tree: the logarithm to base 2, rounded down."""
    return total(minimum(1, floor_div(domains, 2**level)) for level in range(1, DEEPEST + 1))


def collectives(cluster: Cluster) -> Collectives:
    """Collectives of a cluster, from the measured device that its own links are most like."""
    return Collectives(cluster, measured(linked(cluster.device)))
