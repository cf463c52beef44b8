"""A cluster: how many of which device, how many to a server, and what joins the servers."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from weighbridge.arithmetic import ceil_div
from weighbridge.errors import InputError, did_you_mean, given, shown
from weighbridge.hardware.catalogue import FIGURES, LONGEST, device
from weighbridge.hardware.device import PRECISIONS, Device

MOST_GPUS = 1_000_000
"""GPUs of a cluster: several times the largest announced."""

LARGEST = 10**18
"""Of any figure of a device: a thousand times the memory, rate or bandwidth of any announced."""

SPELLING = re.compile(r"(?:([0-9]+)\s*[x×*]\s*)?(?:([0-9]+)\s*[x×*]\s*)?(\S.*)", re.IGNORECASE)

FIELDS = ("device", "gpus", "gpus_per_node", "network_bandwidth", "device_overrides")
"""Of a TOML file."""

OVERRIDES = (*FIGURES, "link", "link_bandwidth", "link_gpus", "peak_flops")
"""Fields of a device that a TOML file may give anew."""

MAY_BE_ZERO = frozenset({"link_bandwidth", "network_bandwidth", "context_bytes"})

FORMS = "8xH100, 2x8xH100 (servers x GPUs), H100 (one), or a TOML file"


@dataclass(frozen=True)
class Cluster:
    """Equal servers of equal devices.

    Attributes:
        device: each GPU.
        gpus: of the whole cluster.
        gpus_per_node: in one server; the last server may have fewer.
        network: bytes per second that each GPU sends to other servers; ``None`` for the device's usual.
    """

    device: Device
    gpus: int
    gpus_per_node: int
    network: int | None = None

    @property
    def nodes(self) -> int:
        """Servers, the last of them perhaps not full."""
        return ceil_div(self.gpus, self.gpus_per_node)

    @property
    def network_bandwidth(self) -> int:
        """Bytes per second that each GPU sends to other servers."""
        return self.device.network_bandwidth if self.network is None else self.network

    @property
    def link_gpus(self) -> int:
        """GPUs that the device's link joins here: no more than a server holds, unless it joins servers (a rack)."""
        joined = self.device.link_gpus
        within = joined if joined > self.device.gpus_per_node else min(joined, self.gpus_per_node)
        return min(within, self.gpus)

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
    _check_range("cluster", gpus, MOST_GPUS, "GPUs")
    return Cluster(found, gpus, inner or min(gpus, found.gpus_per_node))


def from_table(table: Mapping[str, Any]) -> Cluster:
    """The cluster of a TOML file: ``device`` and ``gpus``; perhaps ``gpus_per_node``, ``network_bandwidth`` (bytes per
    second and GPU) and ``[device_overrides]``.

    Raises:
        InputError: for fields that are missing, unknown or wrong.
    """
    _check_fields("", table, FIELDS)
    for name in ("device", "gpus"):
        if name not in table:
            raise InputError(f"{name}: missing; a cluster needs device and gpus")
    if not isinstance(table["device"], str):
        raise InputError(f'device: got {given(table["device"])}; expected a name such as "H100"')
    found = overridden(device(table["device"]), table.get("device_overrides", {}))
    gpus = _whole("gpus", table["gpus"], MOST_GPUS)
    per_node = _whole("gpus_per_node", table.get("gpus_per_node", min(gpus, found.gpus_per_node)), MOST_GPUS)
    if per_node > gpus:
        raise InputError(f"gpus_per_node: got {per_node:,}; allowed is 1 to gpus, {gpus:,}")
    network = table.get("network_bandwidth")
    return Cluster(found, gpus, per_node, None if network is None else _whole("network_bandwidth", network))


def overridden(known: Device, changes: Any, where: str = "device_overrides") -> Device:
    """A device with some figures given anew; their source is then the user.

    Raises:
        InputError: for a field that is none or a value that cannot be.
    """
    if not isinstance(changes, Mapping):
        raise InputError(f"{where}: got {given(changes)}; expected a table")
    _check_fields(f"{where}.", changes, OVERRIDES)
    values: dict[str, Any] = {}
    for name, value in changes.items():
        if name == "peak_flops":
            values[name] = {**known.peak_flops, **_peaks(f"{where}.{name}", value)}
        elif name == "link":
            values[name] = _link_name(f"{where}.{name}", value)
        else:
            values[name] = _whole(f"{where}.{name}", value)
    given_anew = [f"peak_flops.{name}" for name in changes.get("peak_flops", ())] + [*values]
    sources = {**known.sources, **dict.fromkeys(given_anew, "given")}
    sources.pop("peak_flops", None)
    changed = replace(known, **values, sources=sources, estimates=known.estimates - set(values))
    for field, problem in changed.problems():
        raise InputError(f"{where}.{field}: {problem}")
    return changed


def _peaks(where: str, table: Any) -> dict[str, int]:
    if not isinstance(table, Mapping):
        raise InputError(f"{where}: got {given(table)}; expected a table of FLOP per second by type")
    _check_fields(f"{where}.", table, PRECISIONS)
    return {name: _whole(f"{where}.{name}", value) for name, value in table.items()}


def _link_name(where: str, value: Any) -> str:
    if not isinstance(value, str) or not value.isprintable() or not 0 < len(value) <= LONGEST:
        raise InputError(f'{where}: got {given(value)}; expected a name such as "NVLink 4"')
    return value


def _check_fields(where: str, table: Mapping[str, Any], known: tuple[str, ...]) -> None:
    for name in table:
        if name not in known:
            near = did_you_mean(name, known)
            raise InputError(f"{where}{shown(name)}: no such field; allowed: {', '.join(known)}{near}")


def _count(where: str, digits: str | None) -> int | None:
    """The number before an ``x``; ``None`` where there is none. Long ones are refused before they are read."""
    if digits is None:
        return None
    if len(digits.lstrip("0")) > len(str(MOST_GPUS)):
        raise InputError(f"{where}: got a number of {len(digits):,} digits; allowed is 1 to {MOST_GPUS:,} GPUs")
    return _check_range(where, int(digits), MOST_GPUS, "GPUs")


def _whole(where: str, value: Any, most: int = LARGEST) -> int:
    """A whole number, also where it is written as ``3.35e12``."""
    if isinstance(value, float) and math.isfinite(value) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise InputError(f"{where}: got {given(value)}; expected a whole number of 1 to {most:,}")
    return _check_range(where, value, most, least=0 if where.rpartition(".")[2] in MAY_BE_ZERO else 1)


def _check_range(where: str, value: int, most: int, unit: str = "", least: int = 1) -> int:
    if not least <= value <= most:
        raise InputError(f"{where}: got {given(value)}; allowed is {least} to {most:,} {unit}".rstrip())
    return value
