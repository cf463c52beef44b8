"""What joins a group of GPUs: their link, their server, or the network between servers, and how fast it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from weighbridge.hardware.cluster import Cluster


class Level(StrEnum):
    """What the messages of a group pass through, nearest first."""

    LINK = "link"
    """The device's own link: NVLink, Infinity Fabric, ICI."""
    NODE = "node"
    """PCIe inside one server."""
    NETWORK = "network"
    """The network between servers."""


@dataclass(frozen=True)
class Span:
    """How far a group of GPUs reaches.

    Attributes:
        level: the outermost thing that joins it.
        bandwidth: bytes per second and direction that each GPU sends there.
        latency: seconds; ``None`` where nobody says.
        near: how many of the group stand together inside that level: in one link domain or server, where the level is
            the network; all of them else.
        one_rail: whether all messages of the network stay on one rail.
    """

    level: Level
    bandwidth: int
    latency: float | None
    near: int
    one_rail: bool = True


def domain(cluster: Cluster) -> int:
    """GPUs that exchange messages without the network: a link that joins servers, or else a server."""
    return min(max(cluster.link_gpus, cluster.gpus_per_node), cluster.gpus)


def span(cluster: Cluster, ranks: int, stride: int = 1) -> Span:
    """What joins ``ranks`` GPUs whose numbers are ``stride`` apart, GPUs being numbered server by server.

    Of equal groups that fill the cluster the worst placed one counts: three of eight GPUs to a server cross servers,
    since the third group does.
    """
    device, block = cluster.device, ranks * stride
    if _fits(cluster, ranks, block, cluster.link_gpus) and device.link_bandwidth:
        return Span(Level.LINK, device.link_bandwidth, device.link_latency, ranks)
    if _fits(cluster, ranks, block, cluster.gpus_per_node):
        return Span(Level.NODE, device.pcie_bandwidth, None, ranks)
    near = min(ranks, max(1, domain(cluster) // stride))
    one_rail = cluster.fabric.rails == 1 or stride % cluster.gpus_per_node == 0
    return Span(Level.NETWORK, _across(cluster, ranks, block), cluster.network_latency, near, one_rail)


def _fits(cluster: Cluster, ranks: int, block: int, joined: int) -> bool:
    """Whether every group stands inside one domain of ``joined`` GPUs."""
    return ranks == 1 or (block <= joined and (joined % block == 0 or cluster.gpus <= joined))


def _across(cluster: Cluster, ranks: int, block: int) -> int:
    """Bytes per second and GPU between servers: less where a group leaves its pod."""
    fabric = cluster.fabric
    if fabric.pod_gpus is not None and _fits(cluster, ranks, block, fabric.pod_gpus):
        return cluster.network_bandwidth
    return int(cluster.network_bandwidth / fabric.oversubscription)


@dataclass(frozen=True)
class Joint:
    """One thing that joins GPUs of a cluster, and how many.

    Attributes:
        level: what it is.
        name: what it is called: ``NVLink 4``, ``PCIe 5``, ``InfiniBand``.
        gpus: that exchange messages over it at that rate.
        bandwidth: bytes per second and direction that each of them sends.
        latency: seconds; ``None`` where nobody says.
    """

    level: Level
    name: str
    gpus: int
    bandwidth: int
    latency: float | None


def joints(cluster: Cluster) -> Iterator[Joint]:
    """What joins the GPUs of a cluster, nearest first; a level that joins no more than the one before is left out."""
    device, fabric, joined = cluster.device, cluster.fabric, 1
    if device.link_bandwidth and cluster.link_gpus > joined:
        joined = cluster.link_gpus
        yield Joint(Level.LINK, device.link, joined, device.link_bandwidth, device.link_latency)
    if device.pcie_bandwidth and min(cluster.gpus_per_node, cluster.gpus) > joined:
        joined = min(cluster.gpus_per_node, cluster.gpus)
        yield Joint(Level.NODE, f"PCIe {device.pcie_generation}", joined, device.pcie_bandwidth, None)
    name = cluster.network_kind or "network"
    if fabric.oversubscription > 1 and fabric.pod_gpus is not None and cluster.gpus > fabric.pod_gpus > joined:
        joined = fabric.pod_gpus
        yield Joint(Level.NETWORK, f"{name}, a pod", joined, cluster.network_bandwidth, cluster.network_latency)
    if cluster.gpus > joined:
        thin = f", {fabric.oversubscription:g} times oversubscribed" if fabric.oversubscription > 1 else ""
        yield Joint(
            Level.NETWORK,
            f"{name}{thin}",
            cluster.gpus,
            _across(cluster, cluster.gpus, cluster.gpus),
            cluster.network_latency,
        )
