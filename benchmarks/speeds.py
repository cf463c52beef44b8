"""Rows of time: what a run is, and the figures that a source gives of it, the measured one first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from benchmarks.rows import COUNTED, Row, TimeCounter

Cells = Mapping[str, str]

COLUMNS: dict[str, TimeCounter] = {
    "measured_step_s": "step_seconds",
    "measured_tokens_per_s_per_gpu": "tokens_per_second_per_gpu",
    "measured_tflops_per_gpu": "model_tflops_per_gpu",
    "mfu": "mfu",
    "hfu": "hfu",
}
"""Columns of the published figures and what they are, the measured ones before those that follow from them."""

HARDWARE: dict[str, TimeCounter] = COLUMNS | {"measured_tflops_per_gpu": "hardware_tflops_per_gpu"}
"""The same where a source counts what is recomputed too."""


def value(text: str) -> dict[str, float]:
    """A printed figure, and what one more in its last digit would be."""
    return {"value": float(text), "rounded_to": 10.0 ** -len(text.partition(".")[2])}


def speeds(
    run: Row, cells: Cells, columns: Mapping[str, TimeCounter] = COLUMNS, conventions: Mapping[str, str] | None = None
) -> Iterator[Row]:
    """A row for each figure of time that the source gives of a run.

    Args:
        run: everything else, with the run's identifier.
        cells: the source's row.
        columns: what its columns are.
        conventions: how the source counts FLOPs, by counter.
    """
    first = ""
    for column, counter in columns.items():
        text = cells.get(column, "")
        if not text or float(text) <= 0:
            continue
        row = clocked(run, counter, value(text))
        if conventions and counter in COUNTED and counter in conventions:
            row["convention"] = conventions[counter]
        if first:
            row["derived_from"] = first
        first = first or row["id"]
        yield row


def clocked(run: Row, counter: TimeCounter, figure: Mapping[str, Any]) -> Row:
    """One figure of time of a run."""
    left_out = ("id", "counter", "bytes", "value", "rank", "rounded_to", "own_estimate", "fits", "repeat_of")
    rest = {name: value for name, value in run.items() if name not in left_out}
    return {"id": f"{run['id']}/{counter}", "counter": counter, **figure, **rest}  # type: ignore[typeddict-item]
