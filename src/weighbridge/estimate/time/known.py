"""Whether a cluster's published figures are enough to time a step."""

from __future__ import annotations

from weighbridge.hardware.cluster import Cluster
from weighbridge.parallel.plan import Plan
from weighbridge.traced import plain


def untimed(plan: Plan, cluster: Cluster | None) -> str:
    """Why a step cannot be timed, in words; empty where it can."""
    if cluster is None:
        return "no cluster is given"
    gpus, device = int(plain(plan.gpus)), cluster.device
    if gpus > 1 and not (device.link_bandwidth or device.pcie_bandwidth):
        return f"how fast one {device.title} sends to another is not known"
    if gpus > max(cluster.gpus_per_node, cluster.link_gpus) and not cluster.network_bandwidth:
        return f"how fast servers of {device.title} send to one another is not known"
    return ""
