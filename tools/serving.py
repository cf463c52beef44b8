"""What the curves of kernels that make tokens are fitted to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tools import serving_tables as tables
from tools.fitting import Range
from tools.problem import ATTENTION, MATMUL, Problem, Values
from tools.serving_tables import Rows
from tools.tables import System
from weighbridge.hardware.catalogue import device as find
from weighbridge.hardware.device import Device
from weighbridge.hardware.speeds.attention import AttentionCurve
from weighbridge.hardware.speeds.decode import DecodeCurve
from weighbridge.hardware.speeds.experts import WEIGHTS, ExpertCurve
from weighbridge.hardware.speeds.linear import LinearCurve
from weighbridge.hardware.speeds.links import DirectCurve
from weighbridge.hardware.speeds.matmul import Heat, MatmulCurve

DECODE = (
    Range("share", 0.5, 0.05, 1),
    Range("score", 2e-11, 0, 2e-10),
    Range("item", 2e-6, 1e-8, 1e-5),
    Range("exposed", 0.3, 0, 1),
    Range("ramp", 2, 0, 32),
    Range("most", 32, 4, 256),
    Range("bandwidth", 0.85, 0.3, 0.95),
    Range("cached", 1.5, 1, 5),
    Range("launch", 7e-6, 1e-6, 2e-5),
)

EDGE = Range("edge", 1, 0, 8)

NARROW = Range("share", 0.5, 0.05, 2)
"""The share where keys are kept in 8 bits: products of 8 bits may run at twice the rate."""

EXPERTS = (
    Range("share", 0.5, 0.02, 1),
    Range("reach", 2, 1, 8),
    Range("exposed", 0.2, 0, 1),
    Range("bandwidth", 0.8, 0.05, 0.95),
    Range("cached", 1.2, 1, 5),
    Range("passes", 2, 0, 12),
    Range("launch", 2e-5, 1e-6, 1e-4),
)

DIRECT = (
    Range("hop", 1e-7, 0, 1e-5),
    Range("once_base", 3e-6, 5e-7, 1e-5),
    Range("once_share", 0.6, 0.05, 1),
    Range("twice_base", 8e-6, 5e-7, 4e-5),
    Range("twice_share", 0.6, 0.05, 1),
)

RANK, ROPE = 512, 64
"""Elements of the latent vector of the tables, and of the key beside it: DeepSeek-V3's."""

TRITON_ROWS = 16
"""Heads of a tile of Triton's kernel for latent vectors. Source: SGLang, decode_attention.py, ``BLOCK_H = 16``."""

GROUP = 128
"""Weights of 4 bits that share a scale."""

QK, V = 192, 128
"""Size of a head's queries and keys, and of its values, once they are projected: likewise."""


def _problem(rows: Rows, ranges: tuple[Range, ...], predict: Any, stride: int = 1, **options: Any) -> Problem:
    return Problem(ranges, predict, rows.seconds, rows.origin, stride=stride, short=1.0, usual=rows.usual, **options)


def decode(system: System, device: Device, rows: Rows, kept: float) -> Problem:
    """Attention of one new token over kept keys and values."""
    sizes, known = rows.sizes, _known(system, device)
    dims = 2 * sizes["dim"]
    seen = sizes["keys"].clip(max=sizes["window"])
    resident = sizes["batch"] * sizes["kv_heads"] * seen * dims * kept <= tables.CACHE[system.device]
    arguments = {k: sizes[k] for k in ("batch", "heads", "kv_heads", "keys", "window")}
    arguments |= {"dims": dims, "kept": kept * dims, "resident": resident * 1.0}

    def predict(values: Any, n: int) -> Any:
        some: Any = {name: column[::n] for name, column in arguments.items()}
        return DecodeCurve(**values).seconds(**some, **known)

    windowed = (sizes["keys"] > sizes["window"]).any()
    return _problem(rows, _decoding(kept) + ((EDGE,) if windowed else ()), predict, stride=7)


def latent(system: System, device: Device, rows: Rows, kept: float) -> Problem:
    """The same over latent vectors."""
    sizes, known = rows.sizes, _known(system, device)
    bytes_kept, dims = kept * (RANK + ROPE), 2 * RANK + ROPE
    resident = (sizes["batch"] * sizes["keys"] * bytes_kept <= tables.CACHE[system.device]) * 1.0
    fixed = {"rows": TRITON_ROWS} if system.device in tables.LATENT else {}

    def predict(values: Any, n: int) -> Any:
        some: Any = {name: column[::n] for name, column in sizes.items()}
        curve = DecodeCurve(**{**values, **fixed})
        return curve.seconds(
            **some, kv_heads=1, kept=bytes_kept, dims=dims, window=None, resident=resident[::n], **known
        )

    return _problem(rows, _decoding(kept), predict, fixed=fixed)


def latent_prompts(system: System, device: Device) -> Problem:
    """Latent attention of whole prompts."""
    rows, known = tables.latent_prompts(system), _known(system, device)

    def predict(values: Values, n: int) -> Any:
        some: Any = {name: column[::n] for name, column in rows.sizes.items()}
        curve = AttentionCurve(**values)
        return curve.seconds(**some, qk_dim=QK, v_dim=V, causal=True, pairs=None, element=2, **known)

    return Problem(ATTENTION, predict, rows.seconds, rows.origin, usual=rows.usual)


def _decoding(kept: float) -> tuple[Range, ...]:
    return (NARROW, *DECODE[1:]) if kept < 2 else DECODE


def weight_only(system: System, device: Device, rows: Rows, bits: int) -> Problem:
    """Multiplications with weights of few bits: a scale of 16 bits for 128 of 4, none to speak of for those of 8."""
    known, weight = _known(system, device), bits / 8 + (2 / GROUP if bits == 4 else 0)

    def predict(values: Values, n: int) -> Any:
        some: Any = {name: column[::n] for name, column in rows.sizes.items()}
        curve = MatmulCurve(**values)
        return curve.seconds(**some, products=1, precision="bf16", heat=Heat.OWN, weight=weight, **known)

    return Problem(MATMUL, predict, rows.seconds, rows.origin, stride=3, usual=rows.usual)


def experts(system: System, device: Device, rows: Rows, weights: str) -> Problem:
    """Experts of one layer."""
    sizes, kind = rows.sizes, WEIGHTS[weights]
    narrow = kind.precision in device.peak_flops
    known: Any = {**_known(system, device), "peak": device.peak(kind.precision if narrow else "bf16")}
    held = sizes["hit"] * sizes["matrices"] * sizes["width"] * sizes["hidden"] * kind.bytes
    resident = (held <= tables.CACHE[system.device]) * 1.0

    def predict(values: Values, n: int) -> Any:
        some: Any = {name: column[::n] for name, column in sizes.items()}
        return ExpertCurve(**values).seconds(**some, weight=kind.bytes, resident=resident[::n], **known)

    return _problem(rows, EXPERTS, predict, stride=3)


LINEAR = (
    Range("share", 0.6, 0.2, 1),
    Range("sustained", 0.95, 0.7, 1),
    Range("medium", 0.9, 0.3, 1),
    Range("small", 0.6, 0.1, 1),
    Range("prologue", 100, 0, 1000),
    Range("quantised", 0.5, 0, 1),
    Range("bandwidth", 0.8, 0.3, 1),
    Range("exposed", 0.2, 0, 1),
    Range("launch", 6e-6, 1e-6, 3e-5),
)


def linear(device: Device, processors: int, rows: Rows, weights: str) -> Problem:
    """Linear layers in 8 bits or fewer, with the cast of what they are given."""
    precision = WEIGHTS[weights].precision
    known: Any = {"precision": precision, "peak": device.peak(precision), "memory": device.memory_bandwidth}

    def predict(values: Values, n: int) -> Any:
        some: Any = {name: column[::n] for name, column in rows.sizes.items()}
        return LinearCurve(**values).cast_and_multiplied(**some, **known, processors=processors, heat=Heat.OWN)

    return _problem(rows, LINEAR, predict, stride=5)


def direct(device: Device, rows: Rows) -> Problem:
    """An engine's own all-reduce."""
    link = device.link_bandwidth or device.pcie_bandwidth

    def predict(values: Values, n: int) -> Any:
        return DirectCurve(**values).seconds(rows.sizes["size"][::n], rows.sizes["ranks"][::n], link)

    return _problem(rows, DIRECT, predict)


def _known(system: System, device: Device) -> dict[str, Any]:
    return {"peak": device.peak("bf16"), "memory": device.memory_bandwidth, "processors": system.processors}


def problems(system: System) -> Iterator[tuple[str, Problem]]:
    """Every curve of a device of kernels that make tokens."""
    device = find(system.device)
    for bits in (4, 8):
        rows = tables.weight_only(system, bits)
        if rows is not None:
            yield f"matmul.w{bits}a16", weight_only(system, device, rows, bits)
    yield "latent_attention", latent_prompts(system, device)
    for kept, element in (("bf16", 2.0), ("fp8", 1.0)):
        for name, read, problem in (("decode", tables.decode, decode), ("latent", tables.latent, latent)):
            rows = read(system, kept)
            if rows is not None:
                yield f"{name}.{kept}", problem(system, device, rows, element)
    for weights in WEIGHTS:
        rows = tables.experts(system, weights)
        if rows is not None:
            yield f"experts.{weights}", experts(system, device, rows, weights)
    for weights in tables.LINEAR:
        rows = tables.linear(system, weights) if WEIGHTS[weights].precision in device.peak_flops else None
        if rows is not None:
            yield f"linear.{weights}", linear(device, system.processors, rows, weights)
    for engine in tables.ENGINES:
        rows = tables.direct(system, engine)
        if rows is not None:
            yield f"direct.{engine}", direct(device, rows)
