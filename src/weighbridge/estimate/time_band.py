"""How far estimated step times were from measured ones, by kind of run (:mod:`weighbridge.estimate.bands`)."""

from __future__ import annotations

from pathlib import Path

from weighbridge.estimate.bands import BY_FRAMEWORK, FILE, TUNED, Band, kinds_of, narrowest, percent
from weighbridge.estimate.training import Training

FIGURE = "step_seconds"


def time_band(training: Training, file: Path = FILE) -> Band | None:
    """The band of a step's time: of the narrowest kind of run that enough were measured of; ``None`` for none. All runs
    of a framework come before runs of any.
    """
    family = (BY_FRAMEWORK, training.plan.framework.family)
    if training.model.tuning is not None:  # as of memory: a kind of their own
        return narrowest(FIGURE, [(TUNED, *family)], file)
    found = list(kinds_of(training))
    own = [path for path in found if BY_FRAMEWORK in path]
    return narrowest(FIGURE, [*own, family, *(path for path in found if path not in own)], file)


def sentence(band: Band) -> str:
    """``half of 223 measured step times (Megatron-LM) fell within 19 % of the estimate, nine in ten within 40 %``."""
    half, most = percent(band.median_percent), percent(band.p90_percent)
    return f"half of {band.n:,} measured step times ({band.runs}) fell {half} of the estimate, nine in ten {most}"
