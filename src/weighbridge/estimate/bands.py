"""How far estimates were from measured runs: the error bands that ``make accuracy`` writes to ``bands.toml``.

The file holds one table per figure, and inside it tables of narrower kinds of runs: on one GPU or several; of dense
models or of models with experts; above 8 GiB, where errors are smaller; and all of these for each framework::

    [peak_allocated]
    n = 149       # measured runs
    median = 0.76 # half of them fell within so many percent
    p90 = 2.59    # nine in ten fell within

    [peak_allocated.several_gpus]
    [peak_allocated.by_framework.megatron.several_gpus]
    [peak_allocated.by_framework.megatron.several_gpus.experts]
    [peak_allocated.by_framework.megatron.several_gpus.experts.above_8_gib]
    ...
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, reduce
from pathlib import Path
from typing import Any

from weighbridge.estimate.training import Training
from weighbridge.parallel.framework import family as family  # benchmarks/bands.py takes it from here
from weighbridge.traced import plain

FILE = Path(__file__).parent / "bands.toml"

FIGURES = {
    "peak_allocated": "allocated peak",
    "static_allocated": "memory between steps",
    "peak_reserved": "reserved peak",
    "device_total": "memory in use",
}
"""Figures that bands are of: attributes of a stage, and their names for people. The first is the main one."""

COMPARED = ("peak_reserved", "device_total", "peak_allocated")
"""What is compared with the device's memory is what the allocator reserves, with the context, which is small beside it;
the next stands in for it where no runs measured it."""

BY_FRAMEWORK = "by_framework"
"""The table of frameworks' tables."""

TUNED = "fine_tuning"
"""The table of runs that train adapters or parts of a model: they stand apart from all others."""

ONE, SEVERAL = "one_gpu", "several_gpus"
DENSE, EXPERTS = "dense", "experts"
"""Tables of narrower kinds."""

LARGE, LARGE_BYTES = "above_8_gib", 8 * 2**30
"""The table of large runs, and where they begin."""

WORDS = {
    ONE: "one GPU",
    SEVERAL: "several GPUs",
    DENSE: "dense models",
    EXPERTS: "models with experts",
    LARGE: "above 8 GiB",
    TUNED: "fine-tuning",
    "hf": "transformers",
    "megatron": "Megatron-LM",
}
"""Kinds for people; other frameworks go by their names."""

FEWEST = 30
"""Runs that a band needs: of fewer, nine in ten are the most of three or so. Where a kind has fewer, a wider one is
taken."""

LEAST = 0.05
"""Percent below which a band reads 0.0 and is said in words."""


@dataclass(frozen=True)
class Band:
    """How far one kind of estimate was from measured runs.

    Attributes:
        kind: the figure, then what the runs have in common, as the file's tables are named.
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
    def runs(self) -> str:
        """What the runs have in common: ``Megatron-LM, several GPUs``; of no framework alone: ``any framework``."""
        parts = [part for part in self.kind.split(".")[1:] if part != BY_FRAMEWORK]
        words = [WORDS.get(part, part) for part in parts]
        return ", ".join(words if BY_FRAMEWORK in self.kind else ["any framework", *words])

    @property
    def sentence(self) -> str:
        """``half of 150 measured runs of this kind (Megatron-LM, several GPUs) fell within 0.3 % of the allocated peak,
        nine in ten within 1.2 %``.
        """
        half, most = percent(self.median_percent), percent(self.p90_percent)
        near = "of" if half.startswith("within") else "from"
        fell = f"fell {half} {near} the {self.figure}, nine in ten {most}"
        return f"half of {self.n:,} measured runs of this kind ({self.runs}) {fell}"


def percent(value: float) -> str:
    """A band's width, which is never nothing."""
    return f"within {value:.1f} %" if value >= LEAST else "under 0.1 %"


@cache
def table(file: Path = FILE) -> dict[str, Any]:
    """What the file holds; nothing where it has not been made."""
    return tomllib.loads(file.read_text("utf-8")) if file.exists() else {}


def kinds(family_name: str, several: bool, experts: bool, large: bool) -> Iterator[tuple[str, ...]]:
    """The tables that a run may be of, below its figure's, narrowest first. Of a framework, runs on one GPU never stand
    for those on several: wider than that is only what any framework's runs have in common.
    """
    ranks, model = SEVERAL if several else ONE, EXPERTS if experts else DENSE
    for above in ((BY_FRAMEWORK, family_name), ()):
        for parts in ((ranks, model, LARGE), (ranks, LARGE), (ranks, model), (ranks,)):
            if large or LARGE not in parts:
                yield (*above, *parts)
    yield ()


def kinds_of(training: Training, large: bool = False) -> Iterator[tuple[str, ...]]:
    """The same of a step; ``large``: of which a figure is above 8 GiB."""
    experts = any(node.together for node in training.tree.walk())
    return kinds(training.plan.framework.family, bool(plain(training.plan.gpus) > 1), experts, large)


def narrowest(figure: str, paths: Iterable[tuple[str, ...]], file: Path = FILE) -> Band | None:
    """The band of a figure by the first table of which enough runs were measured; ``None`` where none is."""
    rows: Any = table(file).get(figure, {})
    for path in paths:
        own = reduce(lambda above, part: above.get(part, {}), path, rows)
        if own.get("n", 0) >= FEWEST:
            return Band(".".join((figure, *path)), int(own["n"]), float(own["median"]), float(own["p90"]))
    return None


def bands_of(training: Training, file: Path = FILE) -> tuple[Band, ...]:
    """The bands of a step's figures: of the narrowest kind of run that enough were measured of; none for figures that
    were not measured under its framework.
    """
    if training.model.tuning is not None:
        path = (TUNED, BY_FRAMEWORK, training.plan.framework.family)
        return tuple(band for figure in FIGURES if (band := narrowest(figure, [path], file)) is not None)
    known = table(file)
    measured = [f for f in FIGURES if training.plan.framework.family in known.get(f, {}).get(BY_FRAMEWORK, {})]
    large = {figure: bool(plain(getattr(training.worst, figure)) > LARGE_BYTES) for figure in measured}
    found = (narrowest(figure, kinds_of(training, large[figure]), file) for figure in measured)
    return tuple(band for band in found if band is not None)


def shown_bands(training: Training, file: Path = FILE) -> tuple[Band, ...]:
    """The bands that a report prints: of the peaks, as far as runs measured them, else of what devices showed."""
    bands = bands_of(training, file)
    peaks = tuple(band for band in bands if band.attribute in ("peak_allocated", "peak_reserved"))
    return peaks or tuple(band for band in bands if band.attribute == "device_total")


def band_of(training: Training, file: Path = FILE) -> Band | None:
    """The band of what is compared with the device; ``None`` where no runs of the framework were measured."""
    found = {band.attribute: band for band in bands_of(training, file)}
    return next((found[figure] for figure in COMPARED if figure in found), None)


def too_close(training: Training, file: Path = FILE) -> bool:
    """Whether what is left of the device, or missing, is less than one in ten estimates were off by."""
    band, free = band_of(training, file), training.worst.free
    if band is None or free is None:
        return False
    figure = int(plain(getattr(training.worst, band.attribute)))
    return 100 * abs(int(plain(free))) < band.p90_percent * figure
