"""Every known figure of a device, in the order in which people ask for them, with its unit and source."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from weighbridge.hardware.device import PRECISIONS, Device

UNITS = {
    "memory_bytes": "bytes",
    "usable_bytes": "bytes",
    "context_bytes": "bytes",
    "memory_bandwidth": "bytes per second",
    **{f"peak_flops.{name}": "FLOP per second" for name in PRECISIONS},
    "link": "name",
    "link_bandwidth": "bytes per second and direction",
    "link_gpus": "devices",
    "link_latency": "seconds",
    "pcie_generation": "generation",
    "gpus_per_node": "devices",
    "network_kind": "name",
    "network_bandwidth": "bytes per second and direction",
    "network_latency": "seconds",
    "tdp_watts": "watts",
    "price_per_hour": "dollars per hour",
}


@dataclass(frozen=True)
class Figure:
    """One figure.

    Attributes:
        name: the field of the device; ``peak_flops.bf16`` for a rate.
        value: a number, or a name.
        unit: of the value.
        source: where it comes from.
        estimate: whether it is one.
    """

    name: str
    value: int | float | str
    unit: str
    source: str
    estimate: bool


def figures(device: Device) -> Iterator[Figure]:
    """The known figures of a device; one without a source is not known."""
    for name, unit in UNITS.items():
        if name in device.sources:
            field, _, kind = name.partition(".")
            found = getattr(device, field)
            yield Figure(name, found[kind] if kind else found, unit, device.sources[name], name in device.estimates)
