"""What one pipeline stage does in a step, as traced numbers: seconds of kernels by kind of module, and of waiting."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from weighbridge.arithmetic import total
from weighbridge.estimate.time.step import StageTime, parts_of
from weighbridge.estimate.time.work import Seconds
from weighbridge.traced import Label, Traced, identifier, named, plain, stated, symbol

FORWARD = "one micro-batch's forward passes on the stage"
BACKWARD = "one micro-batch's backward passes on the stage, and what runs again"
AWAITED = "weights that are still on their way in the first forward pass"
TAIL = "after the last backward pass"


def passes(stage: StageTime) -> list[Traced]:
    """Forward, backward, weights awaited, and gradients and optimizer of a stage."""
    ways = [[chunk.forward for chunk in stage.chunks], [p for c in stage.chunks for p in (c.inputs, c.weights)]]
    forward, backward = (_by_part(parts_of(own)) for own in ways)
    optimizer = float(plain(stage.data.optimizer))
    tail = {"gradients_awaited": float(plain(stage.tail)) - optimizer, "optimizer": optimizer}
    return [
        seconds("forward_seconds", stage.forward, forward, FORWARD),
        seconds("backward_seconds", stage.backward, backward, BACKWARD),
        seconds("weights_awaited_seconds", stage.head, {}, AWAITED),
        seconds("gradients_and_optimizer_seconds", stage.tail, tail, TAIL),
    ]


def _by_part(parts: Iterable[tuple[str, Seconds]]) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, spent in parts:
        found[name] = found.get(name, 0.0) + float(plain(spent))
    return found


def seconds(name: str, value: Seconds, parts: Mapping[str, float], note: str) -> Traced:
    """Seconds as the sum of parts by their names; of no parts, a number."""
    whole, least = float(plain(value)), 1e-9 * float(plain(value))  # what rounding leaves is nothing
    label = Label(name, "seconds", note)
    found = [symbol(identifier(part), spent, "seconds") for part, spent in parts.items() if spent > least]
    if not found:
        return stated(whole, label)
    made: Any = named(total(found), label)
    return Traced(whole, None, made.arguments, label)  # to the last digit what the step is made of
