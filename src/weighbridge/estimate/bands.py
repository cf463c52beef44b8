"""How far estimates were from measured runs: the error bands that ``make accuracy`` writes to ``bands.toml``.

The file holds one table per figure, and one inside it for runs above 8 GiB, whose errors are smaller::

    [peak_allocated]
    n = 149       # measured runs
    median = 0.76 # half of them fell within so many percent
    p90 = 2.59    # nine in ten fell within

    [peak_allocated.above_8_gib]
    n = 35
    ...
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from weighbridge.estimate.training import Training
from weighbridge.traced import plain

FILE = Path(__file__).parent / "bands.toml"

FIGURES = {
    "peak_allocated": "allocated peak",
    "static_allocated": "memory between steps",
    "peak_reserved": "reserved peak",
}
"""Figures that bands are of: attributes of a stage, and their names for people. The first is the main one."""

LARGE, LARGE_BYTES = "above_8_gib", 8 * 2**30
"""The table of large runs, and where they begin."""

FEWEST = 10
"""Runs that a band needs to be preferred to a wider kind's."""


@dataclass(frozen=True)
class Band:
    """How far one kind of estimate was from measured runs.

    Attributes:
        kind: the figure, and ``.above_8_gib`` where only such runs are in it.
        n: measured runs.
        median_percent: half of them fell within this many percent of the estimate.
        p90_percent: nine in ten fell within this.
    """

    kind: str
    n: int
    median_percent: float
    p90_percent: float

    @property
    def figure(self) -> str:
        """The figure's name for people."""
        return FIGURES[self.kind.partition(".")[0]]

    @property
    def sentence(self) -> str:
        """``half of 315 measured runs fell within 2.0 % of the allocated peak, nine in ten within 5.8 %``."""
        within = f"{self.median_percent:.1f} % of the {self.figure}"
        return f"half of {self.n:,} measured runs fell within {within}, nine in ten within {self.p90_percent:.1f} %"


@cache
def table(file: Path = FILE) -> dict[str, Any]:
    """What the file holds; nothing where it has not been made."""
    return tomllib.loads(file.read_text("utf-8")) if file.exists() else {}


def bands_of(training: Training, file: Path = FILE) -> tuple[Band, ...]:
    """The bands of a step's figures; of runs as large as its fullest stage, where enough of those were measured."""
    found = []
    for name in FIGURES:
        rows: Any = table(file).get(name)
        if not rows:
            continue
        large = rows.get(LARGE, {})
        chosen = plain(getattr(training.worst, name)) > LARGE_BYTES and large.get("n", 0) >= FEWEST
        row = large if chosen else rows
        kind = f"{name}.{LARGE}" if chosen else name
        found.append(Band(kind, int(row["n"]), float(row["median"]), float(row["p90"])))
    return tuple(found)
