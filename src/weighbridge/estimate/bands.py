"""How far estimates were from measured runs: the error bands that ``make accuracy`` writes to ``bands.toml``.

The file holds one table per figure, and inside it one for runs above 8 GiB, whose errors are smaller, and one for each
framework, with its own such table::

    [peak_allocated]
    n = 149       # measured runs
    median = 0.76 # half of them fell within so many percent
    p90 = 2.59    # nine in ten fell within

    [peak_allocated.above_8_gib]
    n = 35
    ...
    [peak_allocated.by_framework.megatron]
    ...
    [peak_allocated.by_framework.megatron.above_8_gib]
    ...
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from weighbridge.estimate.training import Training
from weighbridge.parallel.framework import family as family  # benchmarks/accuracy.py takes it from here
from weighbridge.traced import plain

FILE = Path(__file__).parent / "bands.toml"

FIGURES = {
    "peak_allocated": "allocated peak",
    "static_allocated": "memory between steps",
    "peak_reserved": "reserved peak",
}
"""Figures that bands are of: attributes of a stage, and their names for people. The first is the main one."""

MAIN = ("peak_allocated", "peak_reserved")
"""The figures whose band a report prints: the first of them that was measured."""

BY_FRAMEWORK = "by_framework"
"""The table of frameworks' tables."""

LARGE, LARGE_BYTES = "above_8_gib", 8 * 2**30
"""The table of large runs, and where they begin."""

FEWEST = 10
"""Runs that a band needs to be preferred to a wider kind's."""


@dataclass(frozen=True)
class Band:
    """How far one kind of estimate was from measured runs.

    Attributes:
        kind: the figure, ``.by_framework.`` and the framework where only its runs are in it, and ``.above_8_gib``
            where only such runs are.
        n: measured runs.
        median_percent: half of them fell within this many percent of the estimate.
        p90_percent: nine in ten fell within this.
    """

    kind: str
    n: int
    median_percent: float
    p90_percent: float

    @property
    def attribute(self) -> str:
        """The figure, as stages call it."""
        return self.kind.partition(".")[0]

    @property
    def figure(self) -> str:
        """The figure's name for people."""
        return FIGURES[self.attribute]

    @property
    def sentence(self) -> str:
        """``half of 15 measured runs of this kind fell within 2 % of the allocated peak, nine in ten within 6 %``."""
        half, most = (f"{percent:.1f} %" for percent in (self.median_percent, self.p90_percent))
        fell = f"fell within {half} of the {self.figure}, nine in ten within {most}"
        return f"half of {self.n:,} measured runs of this kind {fell}"


@cache
def table(file: Path = FILE) -> dict[str, Any]:
    """What the file holds; nothing where it has not been made."""
    return tomllib.loads(file.read_text("utf-8")) if file.exists() else {}


def bands_of(training: Training, file: Path = FILE) -> tuple[Band, ...]:
    """The bands of a step's figures, of its framework's runs: none for figures that were not measured under it; of runs
    as large as its fullest stage, where enough of those were measured.
    """
    found = []
    asked = training.plan.framework.family
    for kind in FIGURES:
        rows: Any = table(file).get(kind, {}).get(BY_FRAMEWORK, {}).get(asked)
        if not rows:
            continue
        name = f"{kind}.{BY_FRAMEWORK}.{asked}"
        if plain(getattr(training.worst, kind)) > LARGE_BYTES and rows.get(LARGE, {}).get("n", 0) >= FEWEST:
            rows, name = rows[LARGE], f"{name}.{LARGE}"
        found.append(Band(name, int(rows["n"]), float(rows["median"]), float(rows["p90"])))
    return tuple(found)


def band_of(training: Training, file: Path = FILE) -> Band | None:
    """The band that a report prints; ``None`` where no runs of the framework were measured."""
    found = {band.attribute: band for band in bands_of(training, file)}
    return next((found[kind] for kind in MAIN if kind in found), None)


def too_close(training: Training, file: Path = FILE) -> bool:
    """Whether what is left of the device, or missing, is less than one in ten estimates were off by."""
    band, free = band_of(training, file), training.worst.free
    if band is None or free is None:
        return False
    figure = int(plain(getattr(training.worst, band.attribute)))
    return 100 * abs(int(plain(free))) < band.p90_percent * figure
