"""Floating-point operations of a training step: what the model needs, and what the hardware runs."""

from __future__ import annotations

from dataclasses import dataclass

from weighbridge.arithmetic import Count, total
from weighbridge.estimate.compute import EXACT
from weighbridge.estimate.memory.inside import layers_of
from weighbridge.estimate.memory.stage import Stage
from weighbridge.estimate.training import Training
from weighbridge.pieces import Piece
from weighbridge.replay import Direction, Replay
from weighbridge.tape import Span, Tape


@dataclass(frozen=True)
class StepFlops:
    """Floating-point operations of one training step on all ranks, in the exact convention.

    Attributes:
        model: forward and backward of every sequence: what the model needs.
        again: forward operations that run once more because the plan recomputes activations. That a fused attention
            kernel computes its scores again inside its backward pass is not in it.
        beside: forward operations of a frozen reference model (DPO).
    """

    model: Count
    again: Count
    beside: Count = 0

    @property
    def hardware(self) -> Count:
        """What the hardware runs: with what is recomputed (Korthikanti et al. 2022, section 5), and the reference."""
        return self.model + self.again + self.beside


def step_flops(training: Training) -> StepFlops:
    """Floating-point operations of a training step."""
    plan = training.plan
    micro_batches = plan.micro_batches * plan.data
    times = repetitions(training.tape)
    work = [(count, operation.flops(EXACT)) for operation, count in zip(training.tape.operations, times, strict=True)]
    model = total(count * (flops.forward + flops.backward) for count, flops in work)
    beside = total(count * flops.forward for count, flops in work) if training.reference else 0
    return StepFlops(micro_batches * model, micro_batches * recomputed(training), micro_batches * beside)


def recomputed(training: Training) -> Count:
    """Forward operations that run again for one micro-batch, in all virtual stages; a piece of the model that stands on
    two ranks (DualPipe) is counted once, as each micro-batch passes one of them.
    """
    found: dict[int, Count] = {}
    for stage in training.stages:
        found |= _recomputed_by_place(stage)
    return total(found.values())


def _recomputed_by_place(stage: Stage) -> dict[int, Count]:
    layers = layers_of(stage)
    return {
        place: total(
            len(layers.get((chunk, number), range(run.count))) * again(run.weighed.piece, run.weighed.replay)
            for number, run in enumerate(runs)
        )
        for chunk, (place, runs) in enumerate(zip(stage.virtual, stage.runs, strict=True))
    }


def again(piece: Piece, replay: Replay) -> Count:
    """Forward operations of one run of a piece that its backward pass runs again."""
    ran = [moment.operation for moment in replay.backward if moment.direction is Direction.AGAIN]
    if not ran:
        return 0
    spans = [span for span in piece.tape.spans if span.module is not piece.module]
    times = {id(o): n for o, n in zip(piece.tape.operations, _counts(piece.tape, spans), strict=True)}
    return total(times[id(operation)] * operation.flops(EXACT).forward for operation in ran)


def repetitions(tape: Tape) -> list[Count]:
    """How often every operation of a tape runs in one forward pass."""
    return _counts(tape, tape.spans)


def _counts(tape: Tape, spans: list[Span]) -> list[Count]:
    times: list[Count] = [1] * len(tape.operations)
    for span in spans:
        for place in range(span.start, span.end):
            times[place] = times[place] * span.count
    return times
