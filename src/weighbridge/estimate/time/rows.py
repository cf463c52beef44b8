"""A step as pictures show it: what every stage does from when to when, in seconds.

The stage that is done last spans the whole step. Of a step with many micro-batches those that repeat the middle are
left out, as in the simulation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from weighbridge.estimate.time.step import StageTime, StepTime
from weighbridge.estimate.time.work import Seconds
from weighbridge.parallel.schedule import Step, placement
from weighbridge.parallel.timeline import Timed
from weighbridge.traced import plain


class Doing(StrEnum):
    """What a stage does."""

    FORWARD = "forward"
    BACKWARD = "backward"
    BACKWARD_INPUT = "backward input"
    BACKWARD_WEIGHT = "backward weight"
    GATHER = "gather weights"
    REDUCE = "reduce gradients"
    OPTIMIZER = "optimizer"
    SEND = "send to another stage"


@dataclass(frozen=True, slots=True)
class Slice:
    """One thing that a stage does.

    Attributes:
        doing: what.
        start: seconds since the first stage began.
        end: when it is done.
        step: of which micro-batch and chunk; ``None`` before the first pass and after the last.
        place: the virtual stage, counted over the whole model.
    """

    doing: Doing
    start: Seconds
    end: Seconds
    step: Step | None = None
    place: int = 0


@dataclass(frozen=True)
class StageRow:
    """One stage's step.

    Attributes:
        number: the stage.
        passes: what its kernels do, one after another.
        sent: messages to other stages, beside them or, where they block, after them.
    """

    number: int
    passes: tuple[Slice, ...]
    sent: tuple[Slice, ...]

    @property
    def start(self) -> Seconds:
        """When it begins."""
        return self.passes[0].start

    @property
    def end(self) -> Seconds:
        """When it is done."""
        return max(one.end for one in (*self.passes, *self.sent))


def origin(step: StepTime) -> Seconds:
    """When the first forward passes begin: what is gathered before them takes as long as the slowest stage needs."""
    return max(float(plain(stage.head)) for stage in step.stages)


def rows(step: StepTime) -> tuple[StageRow, ...]:
    """Every stage's step."""
    plan, first = step.training.plan, origin(step)
    pieces = placement(plan.order, plan.pipeline, plan.virtual)
    made = []
    for number, (stage, ran) in enumerate(zip(step.stages, step.ran.ranks, strict=True)):
        passes, sent = [], []
        for timed in ran:
            own = list(_ran(step, timed, pieces[number], first))
            passes.append(own[0])
            sent += own[1:]
        made.append(StageRow(number, tuple(_around(stage, passes, first)), tuple(sent)))
    return tuple(made)


def _ran(step: StepTime, timed: Timed, pieces: tuple[int, ...], first: Seconds) -> Iterator[Slice]:
    """A pass, and the message of its result."""
    plan, place = step.training.plan, pieces[timed.step.chunk]
    start, end = first + timed.start, first + timed.end
    sends = step.message > 0 and timed.sends
    blocks = sends and not plan.execution.overlaps_pipeline
    computed = end - step.message if blocks else end
    yield Slice(Doing(timed.step.action.value), start, computed, timed.step, place)
    if sends:
        yield Slice(Doing.SEND, computed, computed + step.message, timed.step, place)


def _around(stage: StageTime, passes: list[Slice], first: Seconds) -> Iterator[Slice]:
    """Passes with what stands before the first and after the last."""
    head, stepping = float(plain(stage.head)), float(plain(stage.data.optimizer))
    reducing = float(plain(stage.tail)) - stepping
    if head > 0:
        yield Slice(Doing.GATHER, first - head, first)
    yield from passes
    at = max(one.end for one in passes)
    if reducing > 0:
        yield Slice(Doing.REDUCE, at, at + reducing)
    if stepping > 0:
        yield Slice(Doing.OPTIMIZER, at + reducing, at + reducing + stepping)
