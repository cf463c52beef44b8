"""What power a device draws on average in a step: more while it multiplies, less while it waits."""

from __future__ import annotations

from weighbridge.estimate.time.bounds import repeats
from weighbridge.estimate.time.power import ATTENDING, EXPONENT, MOVING, WAITING
from weighbridge.estimate.time.step import StageTime, StepTime
from weighbridge.estimate.time.work import Bound
from weighbridge.traced import plain


def mean_watts(step: StepTime) -> float | None:
    """Watts of one device, averaged over the step and over stages; its power limit where the energy of its multiplies
    is not known, and ``None`` where its limit is not known either.
    """
    limit = step.cluster.device.tdp_watts
    if not limit:
        return None
    found = [_watts(step, stage, limit) for stage in step.stages]
    return sum(found) / len(found)


def _watts(step: StepTime, stage: StageTime, limit: float) -> float:
    count = repeats(step)
    kernels = [
        (kernel, own.pace, float(plain(n))) for own in stage.passes for doing, n in own.runs for kernel in doing.kernels
    ]
    if not any(kernel.joules for kernel, _, _ in kernels):
        return limit
    energy = busy = 0.0
    for kernel, pace, times in kernels:
        seconds = times * float(plain(kernel.seconds))
        if kernel.joules:
            busy += seconds / pace
            energy += times * float(plain(kernel.joules)) * pace ** (EXPONENT - 1)
            continue
        busy += seconds
        energy += seconds * limit * (ATTENDING if kernel.bound is Bound.COMPUTE else MOVING)
    stepping = float(plain(stage.data.optimizer))
    energy = count * energy + stepping * limit * MOVING
    waiting = step.step_seconds - count * busy - stepping
    return min(limit, (energy + max(waiting, 0.0) * limit * WAITING) / step.step_seconds)
