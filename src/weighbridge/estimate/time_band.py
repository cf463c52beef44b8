"""How far estimated step times were from measured ones, by kind of run (:mod:`weighbridge.estimate.bands`)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from weighbridge.estimate.bands import BY_FRAMEWORK, FEWEST, FILE, Band, kinds, percent, table
from weighbridge.estimate.training import Training
from weighbridge.traced import plain

FIGURE = "step_seconds"


def time_band(training: Training, file: Path = FILE) -> Band | None:
    """The band of a step's time: of the narrowest kind of run that enough were measured of; ``None`` for none."""
    rows: Any = table(file).get(FIGURE)
    if not rows:
        return None
    for path in _paths(training):
        own = rows
        for part in path:
            own = own.get(part, {})
        if own.get("n", 0) >= FEWEST:
            return Band(".".join((FIGURE, *path)), int(own["n"]), float(own["median"]), float(own["p90"]))
    return None


def _paths(training: Training) -> Iterator[tuple[str, ...]]:
    """The tables that a run may be of, narrowest first: all runs of a framework before runs of any."""
    plan = training.plan
    experts = any(node.together for node in training.tree.walk())
    found = list(kinds(plan.framework.family, bool(plain(plan.gpus) > 1), experts, large=False))
    yield from (path for path in found if BY_FRAMEWORK in path)
    yield (BY_FRAMEWORK, plan.framework.family)
    yield from (path for path in found if BY_FRAMEWORK not in path)


def sentence(band: Band) -> str:
    """``half of 223 measured step times (Megatron-LM) fell within 19 % of the estimate, nine in ten within 40 %``."""
    half, most = percent(band.median_percent), percent(band.p90_percent)
    return f"half of {band.n:,} measured step times ({band.runs}) fell {half} of the estimate, nine in ten {most}"
