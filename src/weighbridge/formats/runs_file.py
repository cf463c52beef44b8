"""Training runs in a CSV file: parameters, tokens (or FLOPs) and final loss, one run a line."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path

from weighbridge.errors import InputError, did_you_mean, given, shown
from weighbridge.formats.amounts import amount
from weighbridge.formats.files import LONGEST_PATH, read_text
from weighbridge.laws.law import TRAINING_FLOPS
from weighbridge.laws.runs import Runs

MAX_CSV = 8 * 2**20
"""Bytes: a hundred thousand runs."""

COLUMNS = {
    "parameters": ("parameters", "n", "params", "modelsize", "numparameters", "numparams"),
    "tokens": ("tokens", "d", "trainingtokens", "traintokens", "numtokens"),
    "compute": ("compute", "c", "flops", "flop", "trainingflops", "trainingflop"),
    "loss": ("loss", "l", "finalloss", "validationloss", "valloss"),
}
"""What a column may be called, without case, spaces and signs; the first is what errors call it."""

BOUNDS = {
    "parameters": (1.0, 1e18, "parameters", "70M"),
    "tokens": (1.0, 1e20, "tokens", "1.4B"),
    "compute": (1.0, 1e36, "FLOPs", "5.88e17"),
    "loss": (1e-6, 1e3, "nats per token", "2.91"),
}


def load_runs(path: Path) -> Runs:
    """The runs of a CSV file with a header: ``parameters,tokens,loss``, or ``parameters,compute,loss``, where tokens
    are ``compute / (6 parameters)``. Commas, semicolons or tabs separate; numbers may be written as 70M.

    Raises:
        UnreadableError: for a file that cannot be read.
        InputError: naming the line and the column of what cannot be used.
    """
    text = read_text(path, MAX_CSV)
    name = shown(str(path), LONGEST_PATH)
    try:
        rows = list(_rows(text))
    except csv.Error as error:
        raise InputError(f"{name}: is no CSV: {error}") from None
    if not rows:
        raise InputError(f"{name}: is empty; expected a header such as parameters,tokens,loss")
    places = _places(name, rows[0][1])
    found = [_run(f"{name}, line {line}", cells, places) for line, cells in rows[1:]]
    if not found:
        raise InputError(f"{name}: has a header and no runs")
    sizes, data, losses = zip(*found, strict=True)
    return Runs(sizes, data, losses)


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Lines that are not empty, by number."""
    head = text.lstrip().splitlines()[0] if text.strip() else ""
    separator = max(",;\t", key=head.count)
    reader = csv.reader(io.StringIO(text), delimiter=separator, strict=True)
    for cells in reader:
        if any(cell.strip() for cell in cells):
            yield reader.line_num, cells


def _places(name: str, header: list[str]) -> dict[str, int]:
    """Where each column stands.

    Raises:
        InputError: for columns that are missing or there twice.
    """
    keys = [re.sub(r"[^a-z]", "", cell.lower()) for cell in header]
    places: dict[str, int] = {}
    for column, known in COLUMNS.items():
        there = [place for place, key in enumerate(keys) if key in known]
        if len(there) > 1:
            raise InputError(f"{name}, line 1: column {column} is there {len(there)} times")
        if there:
            places[column] = there[0]
    missing = [column for column in ("parameters", "loss") if column not in places]
    if "tokens" not in places and "compute" not in places:
        missing.insert(1, "tokens")
    if missing:
        near = did_you_mean(missing[0], [cell.strip() for cell in header], 1)
        raise InputError(
            f"{name}, line 1: no column {' and no column '.join(missing)}; expected parameters, tokens (or compute) "
            f"and loss, got {shown(','.join(cell.strip() for cell in header), 80)}{near}"
        )
    return places


def _run(where: str, cells: list[str], places: dict[str, int]) -> tuple[float, float, float]:
    """Parameters, tokens and loss of one line."""
    values = {}
    for column, place in places.items():
        if place >= len(cells) or not cells[place].strip():
            raise InputError(f"{where}, column {column}: is empty")
        least, most, unit, example = BOUNDS[column]
        text = cells[place].strip()
        values[column] = amount(text, f"{where}, column {column}", least, most, unit, example)
    tokens = values.get("tokens")
    if tokens is None:
        tokens = values["compute"] / (TRAINING_FLOPS * values["parameters"])
        if tokens < 1:
            raise InputError(
                f"{where}, column compute: got {given(cells[places['compute']])}; that is less than a token"
            )
    return values["parameters"], tokens, values["loss"]
