"""Fits the curves of ``weighbridge.hardware.speeds`` to measured kernel latencies and writes one TOML file per device.

``python -m tools.fit_speeds [DEVICE...]``, with ``weighbridge[silicon]``, pandas, pyarrow and scipy installed.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np

from tools import published_attention, tables
from tools.fitting import LONG, Range, errors, fitted, rounded
from tools.tables import SYSTEMS, Bytes, Origin, System
from weighbridge.hardware.catalogue import device as find
from weighbridge.hardware.device import Device
from weighbridge.hardware.speeds.attention import AttentionCurve
from weighbridge.hardware.speeds.links import KINDS, LinkCurve
from weighbridge.hardware.speeds.matmul import MatmulCurve
from weighbridge.hardware.speeds.reading import FOLDER
from weighbridge.hardware.speeds.stream import StreamCurve

CACHED = 256e6
"""Bytes: twice the largest second-level cache of these devices (126 MB, B200). Smaller kernels show its bandwidth."""

STRIDE = 3
"""Every third row is fitted to; errors are over all rows."""

MATMUL = (
    Range("share", 0.8, 0.3, 1),
    Range("sustained", 0.95, 0.7, 1),
    Range("medium", 0.9, 0.3, 1),
    Range("small", 0.6, 0.1, 1),
    Range("prologue", 100, 0, 1000),
    Range("quantised", 0.5, 0, 1),
    Range("bandwidth", 0.85, 0.3, 1),
    Range("exposed", 0.2, 0, 1),
    Range("launch", 3e-6, 1e-6, 2e-5),
)

ATTENTION = (
    Range("share", 0.8, 0.2, 1),
    Range("score", 2e-11, 0, 2e-10),
    Range("exposed", 0.5, 0, 1),
    Range("prologue", 100, 0, 1000),
    Range("tail", 0.5, 0, 1),
    Range("bandwidth", 0.6, 0.05, 1),
    Range("launch", 5e-6, 1e-6, 5e-5),
)

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

Table = dict[str, Any]


def fit(origin: Origin, note: str, predicted: Any, seconds: Any) -> Table:
    """Where a curve comes from and how well it meets the measurements."""
    told = ", ".join(part for part in (origin.note, note) if part)
    return {"table": origin.table, "kernels": list(origin.kernels), "note": told, **errors(predicted, seconds)}


def stream(measurements: Bytes | None, device: Device) -> Table | None:
    """Bandwidth from kernels that are larger than the cache, launch from the smallest."""
    if measurements is None:
        return None
    moved, seconds, origin = measurements
    launch = rounded(float(np.median(seconds[moved < np.quantile(moved, 0.1)])))
    large = moved > CACHED
    share = rounded(float(np.median(moved[large] / (seconds[large] - launch))) / device.memory_bandwidth)
    curve = StreamCurve(share, launch)
    predicted, note = curve.seconds(moved[large], device.memory_bandwidth), f"over {CACHED / 1e6:.0f} MB"
    return {"bandwidth": share, "launch": launch, "fit": fit(origin, note, predicted, seconds[large])}


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


def matmul(system: System, device: Device, precision: str) -> Table:
    """The curve of matrix multiplications of one type, without the cast of the left factor that the tables include."""
    sizes, seconds, origin = tables.gemm(system, precision)
    cast: Any = np.zeros_like(seconds)
    if precision != "bf16":
        cast = casting(system, device, precision, sizes["rows"] * sizes["depth"])
    known: dict[str, Any] = {
        "precision": precision,
        "peak": device.peak(precision),
        "memory": device.memory_bandwidth,
        "processors": system.processors,
    }
    some = {name: column[::STRIDE] for name, column in sizes.items()}

    def predict(values: dict[str, float]) -> Any:
        return MatmulCurve(**values).seconds(**some, products=1, **known) + cast[::STRIDE]

    values = fitted(MATMUL, predict, seconds[::STRIDE])
    predicted = MatmulCurve(**values).seconds(**sizes, products=1, **known) + cast
    note = "" if precision == "bf16" else "less scaling and cast of one factor"
    return {**values, "fit": fit(origin, note, predicted, seconds)}


def attention(system: System, device: Device, streaming: Table) -> Table:
    """The curve of fused attention in bf16, without the copy of keys and values into pages that the tables include."""
    sizes, seconds, origin = tables.attention(system)
    kept = sizes["batch"] * sizes["kv_heads"] * sizes["keys"] * (sizes["qk_dim"] + sizes["v_dim"])
    paging = StreamCurve(streaming["bandwidth"], streaming["launch"]).seconds(2 * 2 * kept, device.memory_bandwidth)
    known: dict[str, Any] = {
        "causal": True,
        "pairs": None,
        "element": 2,
        "peak": device.peak("bf16"),
        "memory": device.memory_bandwidth,
        "processors": system.processors,
    }
    back = published_attention.backward(system.device)

    def predict(values: dict[str, float]) -> Any:
        return AttentionCurve(**values, training=1.0, backward=back).seconds(**sizes, **known) + paging

    values = fitted(ATTENTION, predict, seconds)
    made = fit(origin, "less the copy of keys and values into pages", predict(values), seconds)
    curve = AttentionCurve(**values, training=1.0, backward=back)
    rate = published_attention.training(device, curve, system.processors)
    source = published_attention.source(system.device)
    return {**values, "training": rate, "backward": back, "fit": {**made, "published": source}}


def collective(device: Device, measurements: Any, kind: str, origin: Origin) -> Table:
    """The curve of one collective among the GPUs of a server."""
    table = measurements[measurements.op_name == NAMES[kind]]
    size, ranks, seconds = (table[name].to_numpy() for name in ("bytes", "num_gpus", "seconds"))
    link = device.link_bandwidth or device.pcie_bandwidth
    rounds = 2 if kind == "all_reduce" else 1
    steps = 1 if kind == "all_to_all" else rounds * (ranks - 1)
    wire, copied = rounds * size * (ranks - 1) / ranks, size if kind == "all_reduce" else size / ranks
    switch = kind == "all_reduce" and device.capability is not None and device.capability >= (9, 0)
    ranges = LINK + (SWITCH if switch and device.link_gpus >= 4 else ())

    def predict(values: dict[str, float]) -> Any:
        curve = LinkCurve(**values)
        quick, wide = (p.base + p.hop * steps + wire / (p.share * link) for p in (curve.quick, curve.wide))
        seconds = np.minimum(quick, wide) + curve.copying(copied, device.memory_bandwidth)
        return np.minimum(seconds, curve.switched(size, ranks, link)) if curve.switch_share else seconds

    values = fitted(ranges, predict, seconds, short=1.0)
    return {**values, "fit": fit(origin, "", predict(values), seconds)}


def collectives(system: System, device: Device) -> Table:
    """The curves of all collectives; none where the table is left out."""
    if not system.collectives:
        return {}
    measurements, origin = tables.nccl(system)
    return {kind: collective(device, measurements, kind, origin) for kind in KINDS}


def curves(system: System) -> Table:
    """Everything that a device's file holds."""
    device = find(system.device)
    kinds = [kind for kind in tables.TYPES if kind in device.peak_flops]
    products = {kind: matmul(system, device, kind) for kind in kinds}
    streaming = stream(tables.cast(system, "vllm"), device)
    if streaming is None:
        wide = products["bf16"]
        note = "bandwidth and launch of matrix multiplications, for want of a table of casts"
        streaming = {"bandwidth": wide["bandwidth"], "launch": wide["launch"], "fit": {**wide["fit"], "note": note}}
    return {
        "matmul": products,
        "attention": attention(system, device, streaming),
        "stream": streaming,
        "collectives": collectives(system, device),
    }


def written(system: System, table: Table) -> str:
    """The file of a device."""
    lines = [
        "# Written by tools/fit_speeds.py; do not edit.",
        f'package = "{tables.release()}"',
        f"processors = {system.processors} # {system.processors_source}",
    ]
    parts = {f"matmul.{kind}": values for kind, values in table["matmul"].items()}
    parts |= {"attention": table["attention"], "stream": table["stream"]}
    parts |= {f"collectives.{kind}": values for kind, values in table["collectives"].items()}
    for name, values in parts.items():
        lines += ["", f"[{name}]", *(f"{key} = {value}" for key, value in values.items() if key != "fit")]
        lines += ["", f"[{name}.fit]"]
        lines += [f"{key} = {json.dumps(value)}" for key, value in values["fit"].items()]
    return "\n".join(lines) + "\n"


def main(names: list[str]) -> None:
    """Fit and write the devices of these names; all without names."""
    for system in SYSTEMS:
        if names and system.device not in names:
            continue
        table = curves(system)
        (FOLDER / f"{system.device}.toml").write_text(written(system, table), "utf-8")
        parts = {**table["matmul"], "attention": table["attention"], "stream": table["stream"], **table["collectives"]}
        for kind, values in parts.items():
            print(f"{system.device} {kind}: {shown(values['fit'])}")


def shown(fit: Table) -> str:
    """How well a curve fits, in words."""
    every = f"median {fit['median']:.1%}, p90 {fit['p90']:.1%} of {fit['rows']:,}"
    long = f"median {fit['long_median']:.1%}, p90 {fit['long_p90']:.1%} of {fit['long_rows']:,}"
    return f"{every}; over {LONG * 1e6:.0f} us {long}"


if __name__ == "__main__":
    main(sys.argv[1:])
