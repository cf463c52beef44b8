"""Scores: measured against estimated, by counter and source."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.rows import TIME, Row, figure_of

GIB = 2**30
LARGE = 8 * GIB
WITHIN = 5.0
WORST = 10


@dataclass(frozen=True)
class Scored:
    """A row with its estimate.

    Attributes:
        row: what was measured.
        source: the file it stands in.
        estimated: in the row's unit; ``None`` where there is no estimate yet.
        needs: what an estimate needs, where there is none.
    """

    row: Row
    source: str
    estimated: float | None
    needs: str = ""

    @property
    def measured(self) -> float:
        """Bytes, a value in the counter's unit, or percent of the row's baseline."""
        return figure_of(self.row)

    @property
    def error(self) -> float:
        """Estimate over measurement, less one, in percent."""
        assert self.estimated is not None
        return 100 * (self.estimated - self.measured) / self.measured

    @property
    def off_in_time(self) -> float:
        """How far the step time is off that the estimate comes to, in percent: of a rate, the other way round."""
        assert self.estimated is not None
        if self.row["counter"].endswith("_seconds"):
            return self.error
        return 100 * (self.measured - self.estimated) / self.estimated

    @property
    def fits(self) -> bool:
        """Whether the estimate says that the run fits."""
        assert self.estimated is not None
        return self.estimated <= self.measured


@dataclass(frozen=True)
class Summary:
    """Errors of some rows, in percent.

    Attributes:
        n: rows with an estimate.
        rows: rows in all.
        median: of absolute errors.
        p90: nine in ten absolute errors are no larger.
        bias: median of signed errors; above zero, estimates are too high.
        share: percent of rows whose absolute error is no larger than 5 %.
    """

    n: int
    rows: int
    median: float
    p90: float
    bias: float
    share: float


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest of the values that so many percent of them are no larger than (nearest rank)."""
    ranked = sorted(values)
    return ranked[max(0, math.ceil(share / 100 * len(ranked)) - 1)]


def summary(scored: Sequence[Scored]) -> Summary | None:
    """The summary of some rows; ``None`` where none has an estimate."""
    errors = [each.error for each in scored if each.estimated is not None]
    if not errors:
        return None
    sizes = [abs(error) for error in errors]
    share = 100 * sum(size <= WITHIN for size in sizes) / len(sizes)
    return Summary(len(errors), len(scored), median(sizes), percentile(sizes, 90), median(errors), share)


def worst(scored: Iterable[Scored], most: int = WORST) -> list[Scored]:
    """The runs with the largest absolute errors: of one run's ranks, the furthest off."""
    estimated = [each for each in scored if each.estimated is not None]
    ranked = sorted(estimated, key=lambda each: (-abs(each.error), each.row["id"]))
    furthest: dict[str, Scored] = {}
    for each in ranked:
        furthest.setdefault(run_of(each.row), each)
    return list(furthest.values())[:most]


def run_of(row: Row) -> str:
    """The identifier without the rank."""
    return row["id"].rpartition("/")[0] if isinstance(row.get("rank"), int) else row["id"]


def counted(scored: Iterable[Scored]) -> list[Scored]:
    """Rows that count: a figure that its source gives for several runs counts once, and a run counts once of which the
    source gives a figure in several units.
    """
    return [each for each in scored if "repeat_of" not in each.row and "derived_from" not in each.row]


def of_time(scored: Iterable[Scored], asked: bool = True) -> list[Scored]:
    """The rows of time, or all others."""
    return [each for each in scored if (each.row["counter"] in TIME) is asked]


def worked(scored: Iterable[Scored]) -> list[tuple[Scored, Scored]]:
    """Figures that their source derived from another of the same run by counting FLOPs, and that other; those of which
    both are estimated.
    """
    everything = {each.row["id"]: each for each in scored}
    pairs = [(each, everything.get(each.row.get("derived_from", ""))) for each in everything.values()]
    return [
        (derived, base)
        for derived, base in pairs
        if base is not None and derived.estimated is not None and base.estimated is not None
    ]


def work_error(derived: Scored, base: Scored) -> float:
    """How far the FLOPs counted for a run are off, in percent: the errors of both figures without that of the time."""
    return 100 * ((100 + base.off_in_time) / (100 + derived.off_in_time) - 1)
