"""Deployments side by side, as a document and as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from typing_extensions import TypedDict  # pydantic reads typing's own only from Python 3.12 on

from weighbridge.estimate.inference.comparison import Compared
from weighbridge.estimate.inference.deployment import PUBLISHED
from weighbridge.report.document import Column, Document, Row, Table
from weighbridge.report.inference_speed import money, rate
from weighbridge.report.time import seconds
from weighbridge.units import gibibytes

WIDTH = 12
"""Columns of the bar of the most tokens per second and GPU."""


class ServedRow(TypedDict):
    """One deployment of a comparison; figures are null where it cannot be, is not timed or does not fit."""

    model: str
    cluster: str
    gpus: int
    quantisation: str
    weights_bytes: int | None
    total_bytes: int | None
    fits: bool | None
    max_batch: int | None
    batch: int | None
    longest_context: int | None
    ttft_seconds: float | None
    tpot_seconds: float | None
    tokens_per_second_per_user: float | None
    tokens_per_second_per_gpu: float | None
    dollars_per_million_input: float | None
    dollars_per_million_output: float | None
    reason: str


class ServedTable(TypedDict):
    """``weighbridge compare --cluster --json``."""

    deployments: list[ServedRow]


def table(rows: Sequence[Compared]) -> ServedTable:
    """A comparison as plain data."""
    return {"deployments": [row(one) for one in rows]}


def row(one: Compared) -> ServedRow:
    """One deployment as plain data."""
    inference = one.found.inference if one.found else None
    memory = inference.memory if inference else None
    timed = inference if one.timed else None
    cost = timed.cost_per_million if timed else None
    return {
        "model": one.model,
        "cluster": one.cluster.device.name,
        "gpus": int(inference.serving.gpus) if inference else one.cluster.gpus,
        "quantisation": _stored(one),
        "weights_bytes": int(memory.weight_bytes) if memory else None,
        "total_bytes": int(memory.needed) if memory else None,
        "fits": memory.fits if memory else None,
        "max_batch": memory.max_batch if memory else None,
        "batch": int(inference.serving.batch) if inference else None,
        "longest_context": memory.longest_context if memory else None,
        "ttft_seconds": timed.ttft if timed else None,
        "tpot_seconds": timed.tpot if timed else None,
        "tokens_per_second_per_user": timed.per_user if timed else None,
        "tokens_per_second_per_gpu": timed.per_gpu if timed else None,
        "dollars_per_million_input": cost["input"] if cost else None,
        "dollars_per_million_output": cost["output"] if cost else None,
        "reason": one.reason,
    }


def _stored(one: Compared) -> str:
    """How weights are stored: what ``published`` stands for by its name."""
    if one.stored != PUBLISHED or one.found is None:
        return one.stored
    storage = one.found.inference.storage
    return one.found.inference.dtype.name if storage is None else storage.method


def document(rows: Sequence[Compared], load: str) -> Document:
    """A comparison for people, a row per deployment."""
    data = [row(one) for one in rows]
    fastest = max((one["tokens_per_second_per_gpu"] or 0.0 for one in data), default=0.0)
    columns = (
        Column("model", False, whole=True),
        Column("on", False, whole=True),
        Column("weights in", False, whole=True),
        Column("a GPU"),
        Column("room for"),
        Column("TPOT"),
        Column("tokens/s/GPU"),
        Column("$/M out", optional=True),
        Column("TTFT", optional=True),
        Column("at once", optional=True),
        Column("", False, optional=True, whole=True),
    )
    cells = tuple(Row(_cells(one, fastest)) for one in data)
    notes = [_note(one) for one in data if one["reason"]]
    remark = "a GPU: weights on each; room for: sequences at once; a dash: does not fit, cannot be, or is not timed"
    title = f"{len(rows):,} deployment{'s' * (len(rows) != 1)}"
    return Document(title, load, (), (Table(columns, cells, "", remark),), tuple(dict.fromkeys(notes)))


def _note(one: ServedRow) -> str:
    """Why one cannot be or is not timed; what the device could serve instead stands in the table."""
    what = one["reason"].partition("; ")[0]
    format_said = f"quantisation: {one['quantisation']}: "
    if what.startswith(format_said):
        return f"{one['quantisation']} on {one['cluster']}: {what.removeprefix(format_said)}"
    if one["fits"] is None:
        return f"{one['model']} on {one['cluster']}: {what}"
    return f"on {one['cluster']}: {what}"


def _cells(one: ServedRow, fastest: float) -> tuple[str, ...]:
    speed, weights = one["tokens_per_second_per_gpu"], one["weights_bytes"]
    return (
        one["model"],
        f"{one['gpus']:,}x{one['cluster']}",
        one["quantisation"],
        "-" if weights is None else gibibytes(weights),
        _count(one["max_batch"]) if one["max_batch"] else "no" if one["fits"] is False else "-",
        _or_dash(one["tpot_seconds"], seconds),
        _or_dash(speed, rate),
        _or_dash(one["dollars_per_million_output"], money),
        _or_dash(one["ttft_seconds"], seconds),
        _count(one["batch"]) if one["fits"] else "-",
        "#" * round(WIDTH * speed / fastest) if speed and fastest else "",
    )


def _count(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"


def _or_dash(value: float | None, words: Any) -> str:
    return "-" if value is None else str(words(value))


def as_csv(rows: Sequence[Compared]) -> str:
    """A comparison as CSV, with the names of the JSON."""
    import csv
    import io

    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    data = [row(one) for one in rows]
    writer.writerow(ServedRow.__annotations__)
    for one in data:
        writer.writerow(["" if value is None else value for value in one.values()])
    return out.getvalue()
