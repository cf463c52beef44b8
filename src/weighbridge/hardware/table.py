"""A cluster of one's own, as a TOML file describes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from weighbridge.errors import InputError, did_you_mean, given
from weighbridge.hardware.catalogue import FIGURES, LONGEST, device
from weighbridge.hardware.cluster import MOST_GPUS, Cluster
from weighbridge.hardware.device import PRECISIONS, Device
from weighbridge.hardware.fabric import KINDS, Fabric
from weighbridge.hardware.values import check_fields, number, whole
from weighbridge.units import DEAREST

FIELDS = ("device", "gpus", "gpus_per_node", "network_bandwidth", "network", "device_overrides")
"""Of a TOML file."""

NETWORK = (
    *("kind", "bandwidth_per_gpu", "nics_per_node", "nic_bandwidth"),
    *("rails", "oversubscription", "pod_gpus", "latency"),
)
"""Of its table ``[network]``."""

OVERRIDES = (*FIGURES, "link", "link_bandwidth", "link_gpus", "peak_flops")
"""Fields of a device that a TOML file may give anew."""

LONGEST_LATENCY = 1.0
"""Seconds: the round trip to the Moon is 2.6."""

MOST_OVERSUBSCRIPTION = 1_000
MOST_NICS = 1_000


def from_table(table: Mapping[str, Any]) -> Cluster:
    """The cluster of a TOML file: ``device`` and ``gpus``; perhaps ``gpus_per_node``, ``network_bandwidth`` (bytes per
    second and GPU) or ``[network]``, and ``[device_overrides]``.

    Raises:
        InputError: for fields that are missing, unknown or wrong.
    """
    check_fields("", table, FIELDS)
    for name in ("device", "gpus"):
        if name not in table:
            raise InputError(f"{name}: missing; a cluster needs device and gpus")
    if not isinstance(table["device"], str):
        raise InputError(f'device: got {given(table["device"])}; expected a name such as "H100"')
    found = overridden(device(table["device"]), table.get("device_overrides", {}))
    gpus = whole("gpus", table["gpus"], MOST_GPUS)
    per_node = whole("gpus_per_node", table.get("gpus_per_node", min(gpus, found.gpus_per_node)), MOST_GPUS)
    if per_node > gpus:
        raise InputError(f"gpus_per_node: got {per_node:,}; allowed is 1 to gpus, {gpus:,}")
    bandwidth = (
        whole("network_bandwidth", table["network_bandwidth"], least=0) if "network_bandwidth" in table else None
    )
    made = Cluster(found, gpus, per_node, bandwidth)
    return _joined(made, table["network"]) if "network" in table else made


def _joined(servers: Cluster, table: Any) -> Cluster:
    """Servers with the network of a table."""
    if not isinstance(table, Mapping):
        raise InputError(f"network: got {given(table)}; expected a table")
    check_fields("network.", table, NETWORK)
    bandwidth = _bandwidth(servers, table)
    nics = whole("network.nics_per_node", table["nics_per_node"], MOST_NICS) if "nics_per_node" in table else None
    fabric = Fabric(
        kind=_kind("network.kind", table["kind"]) if "kind" in table else None,
        nics_per_node=nics,
        rails=_rails(table["rails"], nics) if "rails" in table else 1,
        oversubscription=number(
            "network.oversubscription", table.get("oversubscription", 1), MOST_OVERSUBSCRIPTION, least=1
        ),
        pod_gpus=_pod(table["pod_gpus"], servers) if "pod_gpus" in table else None,
        latency=number("network.latency", table["latency"], LONGEST_LATENCY) if "latency" in table else None,
    )
    return replace(servers, network=bandwidth, fabric=fabric)


def _bandwidth(servers: Cluster, table: Mapping[str, Any]) -> int | None:
    """Bytes per second and GPU: said so, or of the cards of a server together."""
    said = "bandwidth_per_gpu" in table
    if said + (servers.network is not None) + ("nic_bandwidth" in table) > 1:
        both = "network.bandwidth_per_gpu, network.nic_bandwidth or network_bandwidth"
        raise InputError(f"network: the bandwidth is given twice; say one of {both}")
    if said:
        return whole("network.bandwidth_per_gpu", table["bandwidth_per_gpu"], least=0)
    if "nic_bandwidth" not in table:
        return servers.network
    if "nics_per_node" not in table:
        raise InputError("network.nics_per_node: missing; nic_bandwidth is that of one card")
    nics = whole("network.nics_per_node", table["nics_per_node"], MOST_NICS)
    return nics * whole("network.nic_bandwidth", table["nic_bandwidth"]) // servers.gpus_per_node


def _kind(where: str, value: Any) -> str:
    if not isinstance(value, str):
        raise InputError(f"{where}: got {given(value)}; allowed: {', '.join(KINDS)}")
    found = {kind.lower(): kind for kind in KINDS}.get(value.lower())
    if found is None:
        near = did_you_mean(value, KINDS)
        raise InputError(f"{where}: got {given(value)}; allowed: {', '.join(KINDS)}{near}")
    return found


def _rails(value: Any, nics: int | None) -> int:
    rails = whole("network.rails", value, MOST_NICS)
    if nics is not None and nics % rails:
        raise InputError(f"network.rails: got {rails:,}; allowed are divisors of nics_per_node, {nics:,}")
    return rails


def _pod(value: Any, servers: Cluster) -> int:
    pod = whole("network.pod_gpus", value, MOST_GPUS)
    if pod % servers.gpus_per_node:
        raise InputError(
            f"network.pod_gpus: got {pod:,}; allowed are multiples of gpus_per_node, {servers.gpus_per_node:,}"
        )
    return pod


def overridden(known: Device, changes: Any, where: str = "device_overrides") -> Device:
    """A device with some figures given anew; their source is then the user.

    Raises:
        InputError: for a field that is none or a value that cannot be.
    """
    if not isinstance(changes, Mapping):
        raise InputError(f"{where}: got {given(changes)}; expected a table")
    check_fields(f"{where}.", changes, OVERRIDES)
    values = {name: _given_anew(f"{where}.{name}", name, value, known) for name, value in changes.items()}
    fresh = [f"peak_flops.{name}" for name in changes.get("peak_flops", ())] + [*values]
    sources = {**known.sources, **dict.fromkeys(fresh, "given")}
    sources.pop("peak_flops", None)
    changed = replace(known, **values, sources=sources, estimates=known.estimates - set(values))
    for field, problem in changed.problems():
        raise InputError(f"{where}.{field}: {problem}")
    return changed


def _given_anew(where: str, name: str, value: Any, known: Device) -> Any:
    if name == "peak_flops":
        return {**known.peak_flops, **_peaks(where, value)}
    if name == "link":
        return _link_name(where, value)
    if name == "network_kind":
        return _kind(where, value)
    if name in ("link_latency", "network_latency"):
        return number(where, value, LONGEST_LATENCY)
    if name == "price_per_hour":
        return number(where, value, DEAREST)
    return whole(where, value, least=0 if name in ("link_bandwidth", "network_bandwidth", "context_bytes") else 1)


def _peaks(where: str, table: Any) -> dict[str, int]:
    if not isinstance(table, Mapping):
        raise InputError(f"{where}: got {given(table)}; expected a table of FLOP per second by type")
    check_fields(f"{where}.", table, PRECISIONS)
    return {name: whole(f"{where}.{name}", value) for name, value in table.items()}


def _link_name(where: str, value: Any) -> str:
    if not isinstance(value, str) or not value.isprintable() or not 0 < len(value) <= LONGEST:
        raise InputError(f'{where}: got {given(value)}; expected a name such as "NVLink 4"')
    return value
