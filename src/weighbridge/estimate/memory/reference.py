"""A frozen reference model beside the one that is trained (DPO; Rafailov et al. 2023, eq. 7): its forward pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weighbridge.arithmetic import Count, maximum, total
from weighbridge.replay import passing
from weighbridge.traced import Label, named

if TYPE_CHECKING:
    from weighbridge.estimate.memory.activations import Peak
    from weighbridge.estimate.memory.stage import Stage


def excess(stage: Stage, peak: Peak) -> Count:
    """Bytes by which the reference's forward pass reaches above the highest moment of the step's activations: it runs
    after the step's own forward pass, whose kept tensors all stand, and keeps nothing.
    """
    training = stage.training
    if not training.reference:
        return 0
    highest: Count = 0
    for run in (run for chunk in stage.runs for run in chunk):
        live: Count = 0
        for moment in passing(run.weighed.piece):
            live = live + total(times * training.size(tensor) for tensor, times in moment.added)
            highest = maximum(highest, live)
            live = live - total(times * training.size(tensor) for tensor, times in moment.freed)
    above = maximum(total(stage.heights.kept) + highest - peak.bytes, 0)
    return named(above, Label("reference_forward", "bytes", "of the reference's forward pass, above all else"))
