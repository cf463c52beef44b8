"""The catalogue of devices and clusters, as documents: all of them in a table, or one in full."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import groupby

from weighbridge.hardware.catalogue import Entry
from weighbridge.hardware.cluster import Cluster
from weighbridge.hardware.device import Device
from weighbridge.hardware.figures import Figure, figures
from weighbridge.hardware.network import Joint, joints
from weighbridge.report.document import Column, Document, Row, Table
from weighbridge.units import gibibytes, gigabytes, three_digits

VENDORS = ("NVIDIA", "AMD", "Intel", "Google", "AWS", "Apple")
"""In the order of the table; processors of servers stand after them, whoever makes them."""

NOTES = (
    "16-bit, fp8 and fp4 are dense TFLOP/s, without sparsity; 16-bit is bf16, or fp16 where it has no bf16",
    "link: GB/s that a device sends over its own link x devices that it joins; net: GB/s to other servers",
    "W: the power it is cooled for; $/h: one device rented for an hour on demand",
    "-: it has no such unit, or no source says; weighbridge clusters NAME shows every figure with its source and date",
)

LABELS = {
    "memory_bytes": "memory",
    "usable_bytes": "usable memory",
    "context_bytes": "context",
    "memory_bandwidth": "memory bandwidth",
    "link": "link",
    "link_bandwidth": "link bandwidth",
    "link_gpus": "joined by link",
    "link_latency": "link latency",
    "pcie_generation": "PCIe generation",
    "gpus_per_node": "in a server",
    "network_kind": "network",
    "network_bandwidth": "network bandwidth",
    "network_latency": "network latency",
    "tdp_watts": "power",
    "price_per_hour": "price",
}


def catalogue(entries: Sequence[Entry], words: str) -> Document:
    """The devices, by vendor, fastest first."""
    rows: list[Row] = []
    devices = sorted((entry.device for entry in entries), key=_order)
    for name, group in groupby(devices, key=_group):
        rows += [Row(("",) * 10)] * bool(rows)
        rows.append(Row((name, *[""] * 9), strong=True))
        rows += [Row(_line(device)) for device in group]
    found = f"{len(entries)} devices" + (f" with {words!r}" if words else "")
    return Document("Catalogue", found, (), (Table(_columns(), tuple(rows)),), NOTES)


def _columns() -> tuple[Column, ...]:
    optional = ("bandwidth", "16-bit", "fp8", "fp4", "link GB/s", "net GB/s", "W", "$/h")
    return (
        Column("device", number=False, whole=True),
        Column("memory"),
        *(Column(name, optional=True) for name in optional),
    )


def _group(device: Device) -> str:
    return "CPUs" if device.kind == "CPU" else device.vendor


def _order(device: Device) -> tuple[int, int, str]:
    place = len(VENDORS) if device.kind == "CPU" else VENDORS.index(device.vendor)
    return place, -(_sixteen(device) or 0), device.name


def _sixteen(device: Device) -> int | None:
    return device.peak_flops.get("bf16", device.peak_flops.get("fp16"))


def _line(device: Device) -> tuple[str, ...]:
    link = f"{_giga(device.link_bandwidth)} x {device.link_gpus:,}" if device.link_bandwidth else "-"
    return (
        device.name,
        gibibytes(device.memory_bytes),
        f"{gigabytes(device.memory_bandwidth)}/s",
        _tera(_sixteen(device)),
        _tera(device.peak_flops.get("fp8")),
        _tera(device.peak_flops.get("fp4")),
        link,
        _giga(device.network_bandwidth),
        "-" if device.tdp_watts is None else f"{device.tdp_watts:,}",
        "-" if device.price_per_hour is None else f"{device.price_per_hour:.2f}",
    )


def _tera(rate: int | None) -> str:
    """``989`` for 989.4 TFLOP/s, ``7.37`` for fewer than a hundred."""
    if rate is None:
        return "-"
    return f"{rate / 1e12:,.0f}" if rate >= 1e14 else f"{rate / 1e12:.3g}"


def _giga(rate: int) -> str:
    return f"{rate / 1e9:.3g}"


def device(found: Device, aliases: Sequence[str] = ()) -> Document:
    """Every figure of one device, with its source."""
    facts: list[tuple[str, ...]] = []
    if aliases:
        facts.append((f"also called {', '.join(aliases)}",))
    absent = [LABELS[name] for name in ("tdp_watts", "price_per_hour") if name not in found.sources]
    notes = (f"no source was found for: {', '.join(absent)}",) if absent else ()
    return Document(found.name, described(found), tuple(facts), _figures(found), notes)


def described(found: Device) -> str:
    """``NVIDIA H100 SXM 80 GB (GPU, hopper)``."""
    return f"{found.title} ({found.kind}, {found.architecture})"


def _given_anew(found: Cluster) -> set[str]:
    """Figures of a device's usual server that a cluster does not have."""
    anew = {
        "gpus_per_node": found.gpus_per_node != found.device.gpus_per_node,
        "network_bandwidth": found.network is not None,
        "network_kind": found.fabric.kind is not None,
        "network_latency": found.fabric.latency is not None,
    }
    return {name for name, is_so in anew.items() if is_so}


def _figures(found: Device, title: str = "", without: Collection[str] = ()) -> tuple[Table, Table]:
    """The figures, and what says them, by number: many say several."""
    unlinked = () if found.link_bandwidth else ("link_bandwidth", "link_gpus")
    told = [figure for figure in figures(found) if figure.name not in {*without, *unlinked}]
    sources = list(dict.fromkeys(figure.source for figure in told))
    rows = tuple(
        Row((_label(f), ("about " if f.estimate else "") + shown(f), _exact(f), f"[{sources.index(f.source) + 1}]"))
        for f in told
    )
    columns = (
        Column("figure", number=False, whole=True),
        Column("value"),
        Column("exact", optional=True),
        Column("source"),
    )
    cited = tuple(Row((f"[{number}]", source)) for number, source in enumerate(sources, 1))
    return Table(columns, rows, title), Table((Column(""), Column("said by", number=False)), cited)


def _label(figure: Figure) -> str:
    field, _, kind = figure.name.partition(".")
    return f"{kind}, dense" if kind else LABELS[field]


def shown(figure: Figure) -> str:
    """A figure's value in the unit that leaves three digits."""
    value = figure.value
    if isinstance(value, str):
        return value
    match figure.name:
        case "price_per_hour":
            return f"${value:,.2f}/h"
        case "tdp_watts":
            return f"{value:,} W"
        case "link_latency" | "network_latency":
            return latency(value)
    if figure.unit == "bytes":
        return gibibytes(int(value))
    if figure.unit.startswith("bytes per second"):
        return f"{gigabytes(int(value))}/s"
    return three_digits(value, "FLOP/s") if figure.unit == "FLOP per second" else f"{value:,}"


def _exact(figure: Figure) -> str:
    return f"{figure.value:,}" if isinstance(figure.value, int) and figure.value >= 10_000 else ""


def latency(seconds: float | None) -> str:
    """``0.6 us``; ``-`` where nobody says."""
    return "-" if seconds is None else f"{seconds * 1e6:g} us"


def cluster(found: Cluster) -> Document:
    """One cluster: totals, what joins its devices, and every figure of a device."""
    each = found.device
    servers = f"{found.nodes:,} server{'s' if found.nodes != 1 else ''} of {found.gpus_per_node:,}"
    facts: list[tuple[str, ...]] = [(servers, described(each)), (f"{gibibytes(found.memory_bytes)} of memory",)]
    best = next((name for name in ("bf16", "fp16") if name in each.peak_flops), None)
    if best:
        facts[-1] += (f"{three_digits(found.gpus * each.peak_flops[best], 'FLOP/s')} in {best}, dense",)
    if found.tdp_watts is not None:
        facts.append((f"{three_digits(found.tdp_watts, 'W')} of devices", "without processors, switches and cooling"))
    if found.price_per_hour is not None:
        facts.append((f"${found.price_per_hour:,.2f} an hour", f"at ${each.price_per_hour:,.2f} for each"))
    tables = [table for table in (_joints(found), *_figures(each, "Each device", _given_anew(found))) if table.rows]
    return Document(str(found), "", tuple(facts), tuple(tables), _fabric_notes(found))


def _joints(found: Cluster) -> Table:
    columns = (
        Column("joined by", number=False, whole=True),
        Column("devices"),
        Column("each sends"),
        Column("latency", optional=True),
    )
    return Table(columns, tuple(Row(_joint(joint)) for joint in joints(found)), "What joins them")


def _joint(joint: Joint) -> tuple[str, ...]:
    return joint.name, f"{joint.gpus:,}", f"{gigabytes(joint.bandwidth)}/s", latency(joint.latency)


def _fabric_notes(found: Cluster) -> tuple[str, ...]:
    fabric, notes = found.fabric, []
    if fabric.nics_per_node is not None:
        notes.append(f"{fabric.nics_per_node:,} network cards in a server")
    if fabric.rails > 1:
        notes.append(f"{fabric.rails:,} rails: cards of one number in every server meet at the same switches")
    return tuple(notes)
