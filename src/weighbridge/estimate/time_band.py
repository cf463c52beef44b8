"""How far estimated step times were from measured ones, by kind of run (:mod:`weighbridge.estimate.bands`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from weighbridge.estimate.bands import BY_FRAMEWORK, FEWEST, FILE, Band, table
from weighbridge.estimate.training import Training
from weighbridge.traced import plain

FIGURE = "step_seconds"


def time_band(training: Training, file: Path = FILE) -> Band | None:
    """The band of a step's time, of the narrowest kind of run that enough were measured of: its framework, on one GPU
    or several, dense or with experts, as far as the table tells them apart; ``None`` where none were measured.
    """
    rows: Any = table(file).get(FIGURE)
    if not rows:
        return None
    name = FIGURE
    experts = any(node.together for node in training.tree.walk())
    narrower = (
        f"{BY_FRAMEWORK}.{training.plan.framework.family}",
        "several_gpus" if plain(training.plan.gpus) > 1 else "one_gpu",
        "experts" if experts else "dense",
    )
    for kind in narrower:
        inside = rows
        for part in kind.split("."):
            inside = inside.get(part, {})
        if inside.get("n", 0) >= FEWEST:
            rows, name = inside, f"{name}.{kind}"
    return Band(name, int(rows["n"]), float(rows["median"]), float(rows["p90"]))


def sentence(band: Band) -> str:
    """``half of 223 measured step times of this kind fell within 18.9 % of the estimate, nine in ten within 40 %``."""
    whose = "of this kind" if BY_FRAMEWORK in band.kind else "of other frameworks"
    half, most = f"{band.median_percent:.1f} %", f"{band.p90_percent:.1f} %"
    return (
        f"half of {band.n:,} measured step times {whose} fell within {half} of the estimate, nine in ten within {most}"
    )
