"""Figures of a training step that are explained by their name alone: of a stage's passes, and of a fine-tuning."""

from __future__ import annotations

from collections.abc import Callable

from weighbridge.estimate.epoch_explained import epoch, trained
from weighbridge.estimate.finetuning import FineTuning
from weighbridge.estimate.memory.stage import Stage
from weighbridge.estimate.time.explained import passes
from weighbridge.traced import Traced


def _passes(stage: Stage) -> list[Traced]:
    time = stage.training.time
    return [] if time is None else passes(time.stages[stage.number])


FURTHER: dict[str, Callable[[Stage], list[Traced]]] = {
    "passes": _passes,
    "trained": lambda stage: trained(FineTuning(stage.training)),
    "epoch": lambda stage: epoch(FineTuning(stage.training)),
}
"""By name, what makes them; nothing where the step has none."""
