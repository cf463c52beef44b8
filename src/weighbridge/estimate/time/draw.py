"""What power a device draws on average in a step: more while it multiplies, less while it waits."""

from __future__ import annotations

from dataclasses import replace

from weighbridge.estimate.time.power import made_with
from weighbridge.estimate.time.step import StageTime, StepTime
from weighbridge.sums import summed
from weighbridge.traced import plain


def mean_watts(step: StepTime) -> float | None:
    """Watts of one device, averaged over the step and over stages; its power limit where the energy of its multiplies
    is not known, and ``None`` where its limit is not known either.
    """
    limit = step.cluster.device.tdp_watts
    if not limit:
        return None
    found = [_watts(step, stage, limit) for stage in step.stages]
    return summed(found) / len(found)


def _watts(step: StepTime, stage: StageTime, limit: float) -> float:
    own, stepping = stage.load.times(step.repeats), float(plain(stage.data.optimizer))
    if not own.joules:
        return limit
    busy = replace(own, moving=own.moving + stepping, waiting=0.0)
    waiting = max(step.step_seconds - busy.seconds(stage.pace), 0.0)
    drawn = replace(busy, waiting=waiting).energy(stage.pace, limit, made_with(step.cluster.device))
    return min(limit, drawn / step.step_seconds)
