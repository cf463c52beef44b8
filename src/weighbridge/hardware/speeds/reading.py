"""The measured devices: one TOML file each, written by ``tools/fit_speeds.py``."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from math import log
from pathlib import Path
from typing import Any

from weighbridge.hardware.catalogue import find
from weighbridge.hardware.device import Device
from weighbridge.hardware.speeds.attention import AttentionCurve
from weighbridge.hardware.speeds.links import LinkCurve
from weighbridge.hardware.speeds.matmul import MatmulCurve
from weighbridge.hardware.speeds.stream import StreamCurve

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Fit:
    """Where a curve comes from and how well it fits.

    Attributes:
        table: the file in the package of tables.
        kernels: the kernels of that file, as it names them.
        note: what was subtracted or left out.
        rows: measurements that it is fitted to.
        median: absolute error that half of all rows stay within, a share.
        p90: the same of nine in ten.
        long_rows: measurements of more than 50 microseconds.
        long_median: as ``median``, of those.
        long_p90: as ``p90``, of those.
        published: where the rates of attention that trains come from.
    """

    table: str
    kernels: tuple[str, ...]
    note: str
    rows: int
    median: float
    p90: float
    long_rows: int
    long_median: float
    long_p90: float
    published: str = ""


@dataclass(frozen=True)
class Measured:
    """One device with measured kernels.

    Attributes:
        name: its name in the catalogue of devices.
        package: the package of tables, with its version.
        processors: multiprocessors.
        matmul: curves by type of the factors.
        attention: the curve of fused attention in 16 bits.
        stream: the curve of kernels that only move bytes.
        collectives: curves of collectives among the GPUs of a server, by kind; empty without a table.
        fits: where each curve comes from, by ``matmul.bf16``, ``attention``, ``stream``, ``collectives.all_reduce``.
    """

    name: str
    package: str
    processors: int
    matmul: Mapping[str, MatmulCurve]
    attention: AttentionCurve
    stream: StreamCurve
    collectives: Mapping[str, LinkCurve]
    fits: Mapping[str, Fit]


def _split(table: Mapping[str, Any]) -> tuple[dict[str, float], Fit]:
    """The parameters of a curve, and its fit."""
    return {name: value for name, value in table.items() if name != "fit"}, Fit(
        **{**table["fit"], "kernels": tuple(table["fit"]["kernels"])}
    )


@cache
def measured(name: str) -> Measured:
    """The curves of a device with a file."""
    data = tomllib.loads((FOLDER / f"{name}.toml").read_text("utf-8"))
    fits: dict[str, Fit] = {}
    matmul = {}
    for precision, table in data["matmul"].items():
        values, fits[f"matmul.{precision}"] = _split(table)
        matmul[precision] = MatmulCurve(**values)
    values, fits["attention"] = _split(data["attention"])
    attention = AttentionCurve(**values)
    values, fits["stream"] = _split(data["stream"])
    stream = StreamCurve(**values)
    collectives = {}
    for kind, table in data.get("collectives", {}).items():
        values, fits[f"collectives.{kind}"] = _split(table)
        collectives[kind] = LinkCurve(**values)
    return Measured(name, data["package"], data["processors"], matmul, attention, stream, collectives, fits)


@cache
def names() -> tuple[str, ...]:
    """Devices with measured kernels."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))


def nearest(device: Device) -> str:
    """The measured device that a device is most like: by compute capability, then by rate and bandwidth.

    Without a capability (other makers), by rate and bandwidth alone.
    """
    if device.name in names():
        return device.name
    return min(names(), key=lambda name: _distance(device, found(name)))


def linked(device: Device) -> str:
    """The device with measured collectives whose links a device's are most like: of the same kind, then nearest."""
    known = [name for name in names() if measured(name).collectives]
    if device.name in known:
        return device.name
    return min(known, key=lambda name: _link_distance(device, found(name)))


def found(name: str) -> Device:
    """A measured device as the catalogue has it."""
    device = find(name)
    assert device is not None, f"{name}: measured, but not in the catalogue of devices"
    return device


def _link_distance(device: Device, other: Device) -> tuple[bool, bool, float, float]:
    """First whether both have a link at all, then whether they are of one architecture."""
    kind = bool(device.link_bandwidth) != bool(other.link_bandwidth)
    return kind, device.architecture != other.architecture, *_distance(device, other)


def _distance(device: Device, other: Device) -> tuple[float, float]:
    """Of compute capabilities, read as numbers of two digits; of logarithms of rate and bandwidth."""
    size = abs(log(rate(device) / rate(other))) + abs(log(device.memory_bandwidth / other.memory_bandwidth))
    if device.capability is None or other.capability is None:
        return 0, size
    (major, minor), (its_major, its_minor) = device.capability, other.capability
    return abs(10 * (major - its_major) + minor - its_minor), size


def rate(device: Device) -> int:
    """FLOP per second in 16 bits, or in 32 where there is no such unit."""
    return next(device.peak_flops[kind] for kind in ("bf16", "fp16", "tf32", "fp32") if kind in device.peak_flops)
