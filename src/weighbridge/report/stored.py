"""What a report says of a quantised checkpoint: its bytes, by kind of module and way of storage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weighbridge.report.document import Column, Row, Table
from weighbridge.units import gibibytes, gigabytes, percent

if TYPE_CHECKING:
    from weighbridge.estimate.quantised import Checkpoint, StoredTensors


def stored_facts(checkpoint: Checkpoint) -> list[tuple[str, ...]]:
    """Bytes of the checkpoint, and of its scales."""
    size, more = checkpoint.bytes, f"scales {checkpoint.scales:,} bytes"
    if checkpoint.other:
        more += f", zero points, indices and tables {checkpoint.other:,} bytes"
    facts: list[tuple[str, ...]] = [
        (f"stored as {checkpoint.storage.title}:",),
        (f"{size:,} bytes ({gigabytes(size)}, {gibibytes(size)})", more),
    ]
    if checkpoint.prediction:
        facts.append((f"{checkpoint.prediction:,} bytes in multi-token prediction, counted apart",))
    return facts


def stored_table(checkpoint: Checkpoint) -> Table:
    """Tensors of the checkpoint by kind of module and way of storage."""
    rows = [Row(cells(row, percent(row.bytes, checkpoint.bytes)), row.kind.value) for row in checkpoint.tensors]
    rows += [Row(cells(row, "apart"), row.kind.value) for row in checkpoint.every if row.apart]
    whole = (f"{checkpoint.scales:,}", f"{checkpoint.other:,}", f"{checkpoint.bytes:,}", percent(1, 1))
    rows.append(Row(("total", "", f"{sum(row.values for row in checkpoint.tensors):,}", *whole), strong=True))
    columns = (
        Column("kind", number=False),
        Column("stored as", number=False),
        Column("values", optional=True),
        Column("scales"),
        Column("other", optional=True),
        Column("bytes"),
        Column("share", optional=True),
    )
    return Table(columns, tuple(rows), "Bytes as stored")


def cells(row: StoredTensors, share: str) -> tuple[str, ...]:
    """One row of the table."""
    return (
        row.kind.value,
        row.stored_as,
        f"{row.values:,}",
        f"{row.scales:,}",
        f"{row.other:,}",
        f"{row.bytes:,}",
        share,
    )
