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
from weighbridge.hardware.speeds.decode import DecodeCurve
from weighbridge.hardware.speeds.experts import ExpertCurve
from weighbridge.hardware.speeds.linear import LinearCurve
from weighbridge.hardware.speeds.links import DirectCurve, LinkCurve
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
        usual_rows: measurements of sizes that serving mostly has, for kernels that make tokens.
        usual_median: as ``median``, of those.
        usual_p90: as ``p90``, of those.
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
    usual_rows: int = 0
    usual_median: float = 0.0
    usual_p90: float = 0.0


@dataclass(frozen=True)
class Measured:
    """One device with measured kernels.

    Attributes:
        name: its name in the catalogue of devices.
        package: the package of tables, with its version.
        processors: multiprocessors.
        matmul: curves by type of the factors.
        attention: the curve of fused attention in 16 bits.
        latent_attention: the curve of multi-head latent attention over whole prompts, keys and values projected.
        stream: the curve of kernels that only move bytes.
        collectives: curves of collectives among the GPUs of a server, by kind; empty without a table.
        decode: curves of attention of one new token, by the type of kept keys and values: ``bf16``, ``fp8``.
        latent: the same over one latent vector for all heads (MLA).
        experts: curves of the experts of a layer, by how weights are kept.
        linear: curves of the engines' linear layers in 8 bits or fewer, by how weights are kept; empty without a table.
        direct: curves of the engines' own all-reduces, by engine; empty without a table.
        fits: where each curve comes from, by ``matmul.bf16``, ``attention``, ``stream``, ``collectives.all_reduce``.
    """

    name: str
    package: str
    processors: int
    matmul: Mapping[str, MatmulCurve]
    attention: AttentionCurve
    latent_attention: AttentionCurve
    stream: StreamCurve
    collectives: Mapping[str, LinkCurve]
    decode: Mapping[str, DecodeCurve]
    latent: Mapping[str, DecodeCurve]
    experts: Mapping[str, ExpertCurve]
    linear: Mapping[str, LinearCurve]
    direct: Mapping[str, DirectCurve]
    fits: Mapping[str, Fit]


SINGLE: Mapping[str, type] = {"attention": AttentionCurve, "latent_attention": AttentionCurve, "stream": StreamCurve}
"""Curves of which a device has one."""

SEVERAL: Mapping[str, type] = {
    "matmul": MatmulCurve,
    "collectives": LinkCurve,
    "decode": DecodeCurve,
    "latent": DecodeCurve,
    "experts": ExpertCurve,
    "linear": LinearCurve,
    "direct": DirectCurve,
}
"""Curves of which it has one of each type, kind or engine."""


def parts(data: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The curves of a file by name, ``matmul.bf16`` where there are several of a kind."""
    several = ((kind, name, table) for kind in SEVERAL for name, table in data.get(kind, {}).items())
    return {name: data[name] for name in SINGLE} | {f"{kind}.{name}": table for kind, name, table in several}


def _fit(table: Mapping[str, Any]) -> Fit:
    return Fit(**{**table, "kernels": tuple(table["kernels"])})


@cache
def measured(name: str) -> Measured:
    """The curves of a device with a file."""
    data = tomllib.loads((FOLDER / f"{name}.toml").read_text("utf-8"))
    curves: dict[str, Any] = {kind: {} for kind in SEVERAL}
    known = parts(data)
    for part, table in known.items():
        values = {parameter: value for parameter, value in table.items() if parameter != "fit"}
        kind, _, which = part.partition(".")
        if which:
            curves[kind][which] = SEVERAL[kind](**values)
        else:
            curves[kind] = SINGLE[kind](**values)
    fits = {part: _fit(table["fit"]) for part, table in known.items()}
    return Measured(name, data["package"], data["processors"], fits=fits, **curves)


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
