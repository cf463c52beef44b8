"""The JSON contract of ``weighbridge clusters``."""

from __future__ import annotations

from collections.abc import Iterable

from typing_extensions import TypedDict  # pydantic reads typing's own only from Python 3.12 on

from weighbridge.hardware.catalogue import Entry
from weighbridge.hardware.cluster import Cluster
from weighbridge.hardware.figures import figures
from weighbridge.hardware.network import joints


class DeviceFigure(TypedDict):
    """One figure of a device; one that no source says is absent."""

    value: int | float | str
    unit: str
    source: str
    estimate: bool


class DeviceEntry(TypedDict):
    """One device of the catalogue, or of a cluster; ``own``: of a desktop or workstation, not of servers."""

    name: str
    title: str
    vendor: str
    kind: str
    own: bool
    architecture: str
    aliases: list[str]
    figures: dict[str, DeviceFigure]


class ClusterLevel(TypedDict):
    """What joins devices of a cluster."""

    level: str
    name: str
    devices: int
    bytes_per_second: int
    latency_seconds: float | None


class ClusterNetwork(TypedDict):
    """The network between servers."""

    kind: str | None
    bytes_per_second: int
    nics_per_node: int | None
    rails: int
    oversubscription: float
    pod_devices: int | None
    latency_seconds: float | None


class ClusterEntry(TypedDict):
    """One cluster."""

    name: str
    device: str
    devices: int
    nodes: int
    devices_per_node: int
    memory_bytes: int
    peak_flops: dict[str, int]
    tdp_watts: int | None
    price_per_hour: float | None
    network: ClusterNetwork
    levels: list[ClusterLevel]


class Clusters(TypedDict):
    """``weighbridge clusters --json``. ``cluster`` is null where no cluster was named."""

    devices: list[DeviceEntry]
    cluster: ClusterEntry | None


def clusters(entries: Iterable[Entry], named: Cluster | None = None) -> Clusters:
    """Devices, and a cluster of them, as plain data."""
    return {"devices": [_device(entry) for entry in entries], "cluster": None if named is None else _cluster(named)}


def _device(entry: Entry) -> DeviceEntry:
    device = entry.device
    return {
        "name": device.name,
        "title": device.title,
        "vendor": device.vendor,
        "kind": device.kind,
        "own": device.own,
        "architecture": device.architecture,
        "aliases": list(entry.aliases),
        "figures": {
            figure.name: {
                "value": figure.value,
                "unit": figure.unit,
                "source": figure.source,
                "estimate": figure.estimate,
            }
            for figure in figures(device)
        },
    }


def _cluster(named: Cluster) -> ClusterEntry:
    device, fabric = named.device, named.fabric
    return {
        "name": str(named),
        "device": device.name,
        "devices": named.gpus,
        "nodes": named.nodes,
        "devices_per_node": named.gpus_per_node,
        "memory_bytes": named.memory_bytes,
        "peak_flops": {name: named.gpus * rate for name, rate in device.peak_flops.items()},
        "tdp_watts": named.tdp_watts,
        "price_per_hour": named.price_per_hour,
        "network": {
            "kind": named.network_kind,
            "bytes_per_second": named.network_bandwidth,
            "nics_per_node": fabric.nics_per_node,
            "rails": fabric.rails,
            "oversubscription": fabric.oversubscription,
            "pod_devices": fabric.pod_gpus,
            "latency_seconds": named.network_latency,
        },
        "levels": [
            {
                "level": joint.level.value,
                "name": joint.name,
                "devices": joint.gpus,
                "bytes_per_second": joint.bandwidth,
                "latency_seconds": joint.latency,
            }
            for joint in joints(named)
        ],
    }
