"""What is fitted to what: every curve of a device with its measurements."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tools import published_attention, serving, tables
from tools.fitting import Range, rounded
from tools.problem import ATTENTION, MATMUL, Problem, Values
from tools.tables import Bytes, System
from weighbridge.hardware.catalogue import device as find
from weighbridge.hardware.device import Device
from weighbridge.hardware.speeds.attention import AttentionCurve
from weighbridge.hardware.speeds.links import KINDS, LinkCurve
from weighbridge.hardware.speeds.matmul import Heat, MatmulCurve
from weighbridge.hardware.speeds.stream import StreamCurve

CACHED = 256e6
"""Bytes: twice the largest second-level cache of these devices (126 MB, B200). Smaller kernels show its bandwidth."""

LINK = (
    Range("quick_base", 5e-6, 1e-6, 2e-5),
    Range("quick_hop", 1e-6, 0, 1e-5),
    Range("quick_share", 0.2, 0.01, 1),
    Range("wide_base", 1e-5, 1e-6, 1e-4),
    Range("wide_hop", 2e-6, 0, 2e-5),
    Range("wide_share", 0.7, 0.05, 1),
    Range("copy", 0.5, 0.1, 1),
)

SWITCH = (Range("switch_base", 2e-5, 1e-6, 1e-4), Range("switch_share", 0.6, 0.1, 1))

NAMES = {kind: kind for kind in KINDS} | {"all_to_all": "alltoall"}
"""Names of collectives in the tables."""


def stream(measurements: Bytes | None, device: Device) -> dict[str, Any] | None:
    """Bandwidth from kernels that are larger than the cache, launch from the smallest, and the fit."""
    if measurements is None:
        return None
    moved, seconds, origin = measurements
    launch = rounded(float(np.median(seconds[moved < np.quantile(moved, 0.1)])))
    large = moved > CACHED
    share = rounded(float(np.median(moved[large] / (seconds[large] - launch))) / device.memory_bandwidth)
    curve = StreamCurve(share, launch)
    problem = Problem(
        (Range("bandwidth", share, 0, 1), Range("launch", launch, 0, 1)),
        lambda v, n: curve.seconds(moved[large][::n], device.memory_bandwidth),
        seconds[large],
        origin,
        f"over {CACHED / 1e6:.0f} MB",
    )
    values = {"bandwidth": share, "launch": launch}
    return {**values, "fit": problem.fit(values)}


def casting(system: System, device: Device, precision: str, elements: Any) -> Any:
    """Seconds that the tables of narrow multiplications spend on the left factor: the search for its scale (fp8; in
    fp4 it is given) and the cast.
    """
    seconds: Any = 0.0
    steps = [(tables.cast(system, "trtllm"), 2.5 if precision == "fp4" else 3.0)]
    if precision == "fp8":
        steps.append((tables.scaling(system), 2.0))
    for measurements, moved in steps:
        table = stream(measurements, device)
        assert table is not None, f"{system.folder}: {precision} without a table of casts"
        curve = StreamCurve(table["bandwidth"], table["launch"])
        seconds = seconds + curve.seconds(moved * elements, device.memory_bandwidth)
    return seconds


def matmul(system: System, device: Device, precision: str) -> Problem:
    """Matrix multiplications of one type, without the cast of the left factor that the tables include."""
    sizes, seconds, origin = tables.gemm(system, precision)
    wide = precision == "bf16"
    elements = sizes["rows"] * sizes["depth"]
    cast = np.zeros_like(seconds) if wide else casting(system, device, precision, elements)
    peak, memory = device.peak(precision), device.memory_bandwidth

    def predict(values: Values, n: int) -> Any:
        some = {name: column[::n] for name, column in sizes.items()}
        curve = MatmulCurve(**values)
        seconds = curve.seconds(
            **some,
            products=1,
            precision=precision,
            peak=peak,
            memory=memory,
            processors=system.processors,
            heat=Heat.OWN,
        )
        return seconds + cast[::n]

    return Problem(MATMUL, predict, seconds, origin, "" if wide else "less scaling and cast of one factor", stride=3)


def attention(system: System, device: Device, streaming: dict[str, Any]) -> Problem:
    """Fused attention in bf16, without the copy of keys and values into pages that the tables include."""
    sizes, seconds, origin = tables.attention(system)
    kept = sizes["batch"] * sizes["kv_heads"] * sizes["keys"] * (sizes["qk_dim"] + sizes["v_dim"])
    stream = StreamCurve(streaming["bandwidth"], streaming["launch"])
    paging: Any = stream.seconds(2 * 2 * kept, device.memory_bandwidth)
    peak, memory = device.peak("bf16"), device.memory_bandwidth

    def predict(values: Values, n: int) -> Any:
        some = {name: column[::n] for name, column in sizes.items()}
        curve = AttentionCurve(**values)
        seconds = curve.seconds(
            **some, causal=True, pairs=None, element=2, peak=peak, memory=memory, processors=system.processors
        )
        return seconds + paging[::n]

    return Problem(ATTENTION, predict, seconds, origin, "less the copy of keys and values into pages")


def trained(system: System, device: Device, values: Values) -> dict[str, Any]:
    """Rates of attention that trains, from what is published."""
    back = published_attention.backward(system.device)
    curve = AttentionCurve(**values, training=1.0, backward=back)
    return {"training": published_attention.training(device, curve, system.processors), "backward": back}


def collective(system: System, device: Device, kind: str) -> Problem:
    """One collective among the GPUs of a server."""
    measurements, origin = tables.nccl(system)
    table = measurements[measurements.op_name == NAMES[kind]]
    size, ranks, seconds = (table[name].to_numpy() for name in ("bytes", "num_gpus", "seconds"))
    link = device.link_bandwidth or device.pcie_bandwidth
    rounds = 2 if kind == "all_reduce" else 1
    steps = np.ones_like(size) if kind == "all_to_all" else rounds * (ranks - 1)
    wire, copied = rounds * size * (ranks - 1) / ranks, size if kind == "all_reduce" else size / ranks
    switch = kind == "all_reduce" and device.capability is not None and device.capability >= (9, 0)

    def predict(values: Values, n: int) -> Any:
        curve = LinkCurve(**values)
        ways = [p.base + p.hop * steps + wire / (p.share * link) for p in (curve.quick, curve.wide)]
        seconds: Any = np.minimum(*ways) + curve.copying(copied, device.memory_bandwidth)
        if curve.switch_share:
            seconds = np.minimum(seconds, curve.switched(size, ranks, link))
        return seconds[::n]

    ranges = LINK + (SWITCH if switch and device.link_gpus >= 4 else ())
    return Problem(ranges, predict, seconds, origin, short=1.0)


def problems(system: System, streaming: dict[str, Any]) -> Iterator[tuple[str, Problem]]:
    """Every curve of a device but that of streaming kernels, whose figures are read off directly."""
    device = find(system.device)
    for precision in tables.TYPES:
        if precision in device.peak_flops:
            yield f"matmul.{precision}", matmul(system, device, precision)
    yield "attention", attention(system, device, streaming)
    for kind in KINDS if system.collectives else ():
        yield f"collectives.{kind}", collective(system, device, kind)
    yield from serving.problems(system)
