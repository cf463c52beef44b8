"""The network that joins servers: what it is, how its cards are counted, and where it is thinner than they are."""

from __future__ import annotations

from dataclasses import dataclass

KINDS = ("InfiniBand", "RoCE", "Ethernet", "EFA", "Slingshot", "ICI")
"""Networks by protocol: InfiniBand; RDMA over Converged Ethernet; TCP over Ethernet; AWS's Elastic Fabric Adapter; HPE
Slingshot; Google's inter-chip interconnect."""


@dataclass(frozen=True)
class Fabric:
    """A network of equal servers. Its bandwidth stands in the cluster, per GPU.

    Attributes:
        kind: one of ``KINDS``; ``None`` where it is not said.
        nics_per_node: network cards of a server; ``None`` where it is not said.
        rails: separate sets of switches, of which each card of a server reaches one (rail-optimized); 1 for a network
            in which any card reaches any other the same way.
        oversubscription: bandwidth of the cards over that of the switches above them; 1 for a full fat tree.
        pod_gpus: GPUs below switches that are not oversubscribed; ``None``: oversubscription begins at the server.
        latency: seconds from one card to another; ``None`` where it is not said.
    """

    kind: str | None = None
    nics_per_node: int | None = None
    rails: int = 1
    oversubscription: float = 1.0
    pod_gpus: int | None = None
    latency: float | None = None


UNSAID = Fabric()
"""A network of which nothing is said."""
