"""Scores: measured against estimated, by counter and source, and the targets of the project."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.rows import Row

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
        """Bytes, or percent of the row's baseline."""
        bytes = self.row["bytes"]
        return self.row["percent"] if bytes is None else bytes

    @property
    def error(self) -> float:
        """Estimate over measurement, less one, in percent."""
        assert self.estimated is not None
        return 100 * (self.estimated - self.measured) / self.measured

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
    return row["id"].rpartition("/")[0] if isinstance(row["rank"], int) else row["id"]


def counted(scored: Iterable[Scored]) -> list[Scored]:
    """Rows that count: a figure that its source gives for several runs counts once."""
    return [each for each in scored if "repeat_of" not in each.row]


@dataclass(frozen=True)
class Target:
    """What the project promises of some rows.

    Attributes:
        title: of which.
        choose: whether a row is one of them.
        median: percent that the median absolute error may be.
        p90: percent that nine in ten may be; ``None`` for no promise.
        own: every row is as close as its source's own estimate, instead.
    """

    title: str
    choose: Callable[[Scored], bool]
    median: float | None = None
    p90: float | None = None
    own: bool = False

    def rows(self, scored: Iterable[Scored]) -> list[Scored]:
        """The rows it is about."""
        return [each for each in counted(scored) if self.choose(each)]

    def verdict(self, scored: Iterable[Scored]) -> str:
        """Whether it is met."""
        chosen = self.rows(scored)
        found = summary(chosen)
        if found is None:
            return "no estimates yet"
        if self.own:
            met = all(self._as_close(each) for each in chosen if each.estimated is not None)
        else:
            assert self.median is not None
            met = found.median <= self.median and (self.p90 is None or found.p90 <= self.p90)
        missing = found.rows - found.n
        if met and missing:
            return f"met by those estimated; {missing} are not"
        return "met" if met else "not met"

    @staticmethod
    def _as_close(each: Scored) -> bool:
        """Whether an estimate is as close to the printed figure as the source's own: both rounded as it is printed."""
        step = each.row.get("rounded_to", 1)

        def off(value: float) -> int:
            return abs(round(value / step) - round(each.measured / step))

        assert each.estimated is not None
        return off(each.estimated) <= off(each.row["own_estimate"])


def _of(source: str, counter: str, above: int = 0) -> Callable[[Scored], bool]:
    def choose(each: Scored) -> bool:
        row = each.row
        return each.source == source and row["counter"] == counter and row["current"] and each.measured > above

    return choose


TARGETS = (
    Target("Megatron-LM, current: allocated", _of("megatron", "allocated"), 1, 4),
    Target("Megatron-LM, current: maximum allocated", _of("megatron", "max_allocated"), 3, 8),
    Target("the same above 8 GiB: allocated", _of("megatron", "allocated", LARGE), 0.5, 2),
    Target("the same above 8 GiB: maximum allocated", _of("megatron", "max_allocated", LARGE), 0.5, 2),
    Target("SimuMax: maximum allocated", _of("simumax", "max_allocated"), 1),
    Target("torchtitan: maximum reserved", _of("torchtitan", "max_reserved"), 5),
    Target("reference system C: maximum allocated", _of("system-c", "max_allocated"), own=True),
)
