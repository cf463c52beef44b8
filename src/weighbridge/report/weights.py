"""What a report says of weights in files: their bytes, by kind of module and by tensor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weighbridge.errors import printable
from weighbridge.report.document import Column, Document, Row, Table
from weighbridge.units import gibibytes, gigabytes, percent, short_count

if TYPE_CHECKING:
    from weighbridge.estimate.weights import WeightsReport

LONGEST_NAME = 120
"""Characters of a tensor's name that a table shows."""

MOST_ROWS = 100
"""Tensors of different names that a table shows."""


def weights_facts(report: WeightsReport) -> list[tuple[str, ...]]:
    """Bytes of the tensors and of the files, and whether they are the architecture's."""
    file = report.file
    several = f" in {file.files:,} files" if file.files > 1 else ""
    bits = "" if report.bits is None else f"{report.bits:.4f} bits per parameter"
    size = f"{file.bytes:,} bytes ({gigabytes(file.bytes)}, {gibibytes(file.bytes)})"
    said = f"{len(file.tensors):,} tensors{several}, {size}"
    return [
        (f"{'would be ' if file.estimated else ''}{printable(file.name, LONGEST_NAME)}:",),
        (said, bits),
        _sizes(report),
        *_verdict(report),
    ]


def _sizes(report: WeightsReport) -> tuple[str, ...]:
    """Bytes of the files."""
    file = report.file
    if file.estimated:
        return (f"about {gigabytes(file.size)} with its header, estimated at {gigabytes(file.header)}",)
    return (f"{file.size:,} bytes with headers of {file.header:,}",)


def _verdict(report: WeightsReport) -> list[tuple[str, ...]]:
    """Whether the tensors are those of the architecture."""
    found, file = report.matched, report.file
    if file.estimated or found is None:
        return []
    count = f"{found.parameters:,} parameters in them"
    if found.exact:
        return [(f"every tensor is one of the architecture's, in its shape; {count}",)]
    return [(f"not the architecture's, see the notes; {count}",)]


def weights_tables(report: WeightsReport) -> tuple[Table, ...]:
    """Bytes by kind of module and data type, and by tensor."""
    return _kinds(report), _tensors(report)


def _kinds(report: WeightsReport) -> Table:
    whole = report.file
    rows = [
        Row(
            (
                row.kind.value,
                row.dtype,
                f"{row.tensors:,}",
                f"{row.elements:,}",
                f"{row.bytes:,}",
                percent(row.bytes, whole.bytes),
            ),
            row.kind.value,
        )
        for row in report.by_kind
    ]
    last = (f"{len(whole.tensors):,}", f"{whole.elements:,}", f"{whole.bytes:,}", percent(1, 1))
    rows.append(Row(("total", "", *last), strong=True))
    names = (Column("kind", number=False), Column("type", number=False))
    counts = (Column("tensors", optional=True), Column("elements", optional=True))
    return Table((*names, *counts, Column("bytes"), Column("share", optional=True)), tuple(rows), "Bytes in the file")


def _tensors(report: WeightsReport) -> Table:
    shown = report.alike[:MOST_ROWS]
    rows = [
        Row(
            (
                printable(one.name, LONGEST_NAME),
                f"{one.count:,}",
                one.first.dtype.name,
                " x ".join(f"{size:,}" for size in one.first.shape) or "1",
                f"{one.first.bytes:,}",
                f"{one.bytes:,}",
            ),
            report.kind(one.first).value,
        )
        for one in shown
    ]
    left = len(report.alike) - len(shown)
    columns = (
        Column("tensor", number=False),
        Column("count", optional=True),
        Column("type", number=False),
        Column("shape", number=False, optional=True),
        Column("each", optional=True),
        Column("bytes"),
    )
    remark = f"and {left:,} more; --json lists all" if left else ""
    return Table(columns, tuple(rows), "Tensors, N for the numbers of layers and experts", remark)


def weights(report: WeightsReport) -> Document:
    """Weights of which nothing is known but what their headers say."""
    file = report.file
    subtitle = f"{file.form}, {file.files:,} file{'s' if file.files != 1 else ''}"
    named = file.metadata.get("general.architecture")
    if isinstance(named, str):
        subtitle += f", architecture {printable(named, 60)}"
    facts = weights_facts(report)[1:]
    if report.parameters is not None:
        facts.insert(0, (f"{report.parameters:,} parameters ({short_count(report.parameters)})",))
    return Document(
        printable(file.name, LONGEST_NAME), subtitle, tuple(facts), weights_tables(report), tuple(report.notes)
    )
