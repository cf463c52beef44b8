"""A cluster: how many of which device, how many to a server, and what joins the servers."""

from __future__ import annotations

import re
from dataclasses import dataclass

from weighbridge.arithmetic import ceil_div
from weighbridge.errors import InputError, given
from weighbridge.hardware.catalogue import LONGEST, device
from weighbridge.hardware.device import Device
from weighbridge.hardware.fabric import UNSAID, Fabric

MOST_GPUS = 1_000_000
"""GPUs of a cluster: several times the largest announced."""

SPELLING = re.compile(r"(?:([0-9]+)\s*[x×*]\s*)?(?:([0-9]+)\s*[x×*]\s*)?(\S.*)", re.IGNORECASE)

FORMS = "8xH100, 2x8xH100 (servers x GPUs), H100 (one), or a TOML file"


@dataclass(frozen=True)
class Cluster:
    """Equal servers of equal devices.

    Attributes:
        device: each GPU.
        gpus: of the whole cluster.
        gpus_per_node: in one server; the last server may have fewer.
        network: bytes per second that each GPU sends to other servers; ``None`` for the device's usual.
        fabric: what else is known of the network between servers.
    """

    device: Device
    gpus: int
    gpus_per_node: int
    network: int | None = None
    fabric: Fabric = UNSAID

    @property
    def nodes(self) -> int:
        """Servers, the last of them perhaps not full."""
        return ceil_div(self.gpus, self.gpus_per_node)

    @property
    def network_bandwidth(self) -> int:
        """Bytes per second that each GPU sends to other servers, where the network is not oversubscribed."""
        return self.device.network_bandwidth if self.network is None else self.network

    @property
    def network_kind(self) -> str | None:
        """What joins servers; ``None`` where nobody says."""
        return self.fabric.kind or self.device.network_kind

    @property
    def network_latency(self) -> float | None:
        """Seconds that the network takes; ``None`` where nobody says."""
        return self.device.network_latency if self.fabric.latency is None else self.fabric.latency

    @property
    def link_gpus(self) -> int:
        """GPUs that the device's link joins here: no more than a server holds, unless it joins servers (a rack)."""
        joined = self.device.link_gpus
        within = joined if joined > self.device.gpus_per_node else min(joined, self.gpus_per_node)
        return min(within, self.gpus)

    @property
    def memory_bytes(self) -> int:
        """Advertised memory of all devices."""
        return self.gpus * self.device.memory_bytes

    @property
    def tdp_watts(self) -> int | None:
        """Power of all devices, without processors, switches and cooling; ``None`` where nobody says."""
        return None if self.device.tdp_watts is None else self.gpus * self.device.tdp_watts

    @property
    def price_per_hour(self) -> float | None:
        """Dollars for an hour of all devices, rented one by one; ``None`` where nobody says."""
        return None if self.device.price_per_hour is None else self.gpus * self.device.price_per_hour

    def __str__(self) -> str:
        return f"{self.gpus:,} x {self.device.title}"


def cluster(text: str) -> Cluster:
    """The cluster of a spelling: ``8xH100``, ``8 x h100``, ``H100`` (one), ``2x8xH100`` (servers x GPUs).

    Raises:
        InputError: for anything else, an unknown device or sizes out of bounds.
    """
    if not isinstance(text, str):
        raise InputError(f"cluster: got {given(text)}; expected {FORMS}")
    match = SPELLING.fullmatch(text.strip()) if len(text) <= LONGEST and text.isprintable() else None
    if match is None:
        raise InputError(f"cluster: got {given(text)}; expected {FORMS}")
    first, second, name = match.groups()
    outer = _count("cluster", first)
    inner = _count("cluster", second)
    found = device(name, "cluster")
    gpus = (outer or 1) * (inner or 1)
    _check("cluster", gpus)
    return Cluster(found, gpus, inner or min(gpus, found.gpus_per_node))


def _count(where: str, digits: str | None) -> int | None:
    """The number before an ``x``; ``None`` where there is none. Long ones are refused before they are read."""
    if digits is None:
        return None
    if len(digits.lstrip("0")) > len(str(MOST_GPUS)):
        raise InputError(f"{where}: got a number of {len(digits):,} digits; allowed is 1 to {MOST_GPUS:,} GPUs")
    return _check(where, int(digits))


def _check(where: str, gpus: int) -> int:
    if not 1 <= gpus <= MOST_GPUS:
        raise InputError(f"{where}: got {given(gpus)}; allowed is 1 to {MOST_GPUS:,} GPUs")
    return gpus
