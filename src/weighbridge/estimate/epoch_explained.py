"""Figures of a fine-tuning as traced numbers: what is trained, and what one pass over the data set takes."""

from __future__ import annotations

from typing import Any

from weighbridge.arithmetic import total
from weighbridge.estimate.epoch import Laid
from weighbridge.estimate.finetuning import FineTuning
from weighbridge.estimate.time.explained import seconds
from weighbridge.estimate.training_cost import Held
from weighbridge.models.tuning import trained as trained_weights
from weighbridge.traced import Label, Traced, named, plain, symbol, trace

LONGEST = "of a step as long as the longest sample of its micro-batch, in the mean"
CHANCE = "expected, as chance decides which samples lie together"


def trained(found: FineTuning) -> list[Traced]:
    """Parameters that are trained."""
    count = total(trained_weights(found.training.traced.tree))
    return [Traced(found.trained, None, (count,), Label("trained_parameters", "parameters", "of the whole model"))]


def epoch(found: FineTuning) -> list[Traced]:
    """Sequences, padding, steps, seconds and dollars of an epoch; those that are known."""
    asked, plan = found.epoch, found.training.plan
    if asked is None:
        return []
    traced: Any = trace(asked)
    micro_batch = int(plain(plan.micro_batch))
    positions: Any = symbol("positions", asked.positions(micro_batch), "", CHANCE)
    if asked.laid is not Laid.BATCHED:
        positions = named(traced.positions(micro_batch), Label("positions", "tokens", "padding included"))
    sequences: Any = named(traced.sequences, Label("sequences", "sequences"))
    batch: Any = symbol("global_batch", int(plain(plan.sequences)), "sequences")
    steps: Any = named(traced.steps(batch), Label("steps", "steps"))
    made = [sequences, named(traced.padding_of(positions), Label("padding", "", "of the positions")), steps]
    return made + _spent(found, steps)


def _spent(found: FineTuning, steps: Any) -> list[Any]:
    """Seconds and dollars of an epoch."""
    time = found.training.time
    if found.seconds is None or found.steps is None or time is None or found.epoch is None:
        return []
    if found.epoch.laid is Laid.BATCHED:
        each: Any = seconds("step_seconds", found.seconds / found.steps, {}, LONGEST)
    else:
        each = time.speed.explained("step_seconds", time.breakdown)
    spent: Any = Traced(found.seconds, None, (steps * each,), Label("epoch_seconds", "seconds"))
    if found.price is None:
        return [spent]
    gpus, price = symbol("gpus", int(plain(found.training.plan.gpus))), symbol("price", found.price)
    return [spent, Held(spent, gpus, price).dollars]
