"""When every step of a pipeline schedule runs, from what each waits for."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from weighbridge.parallel.schedule import Action, Schedule, Step, order, placement

Result = tuple[Action, int, int]
"""What a step makes: its action (either backward that gives the input's gradient: BACKWARD), virtual stage, batch."""


@dataclass(frozen=True, slots=True)
class Timed:
    """A step and when it runs.

    Attributes:
        step: the step.
        start: when it begins, in the unit of the durations given; the training step begins at 0.
        end: when it is done.
    """

    step: Step
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Timeline:
    """All steps of all ranks.

    Attributes:
        ranks: the steps of every pipeline rank, in the order in which they run.
    """

    ranks: tuple[tuple[Timed, ...], ...]

    @property
    def duration(self) -> float:
        """From the first step's beginning to the last one's end."""
        return max(steps[-1].end for steps in self.ranks)

    @property
    def bubble(self) -> float:
        """Share of all ranks' time in which they wait, from 0 to 1."""
        busy = sum(timed.end - timed.start for steps in self.ranks for timed in steps)
        return 1 - busy / (self.duration * len(self.ranks))


def simulate(
    schedule: Schedule,
    stages: int,
    micro_batches: int,
    chunks: int = 1,
    forward: float = 1.0,
    backward_input: float = 1.0,
    backward_weight: float = 1.0,
    group: int | None = None,
) -> Timeline:
    """Every step as early as its rank's order and the results of other steps allow.

    Args:
        schedule: the schedule.
        stages: ranks of the pipeline.
        micro_batches: micro-batches of the training step.
        chunks: virtual stages per rank.
        forward: duration of the forward of one micro-batch through one chunk, in any unit.
        backward_input: duration of the backward half that gives the gradient of the input.
        backward_weight: duration of the other half; a whole backward takes both.
        group: micro-batches that run at a time in a chunk of the interleaved schedule.

    Messages take no time, and nothing overlaps within a rank: where DualPipe runs a forward and a backward at once,
    they follow each other.

    Raises:
        RuntimeError: ranks wait for each other and none can go on.
    """
    durations = {
        Action.FORWARD: forward,
        Action.BACKWARD: backward_input + backward_weight,
        Action.BACKWARD_INPUT: backward_input,
        Action.BACKWARD_WEIGHT: backward_weight,
    }
    pieces = placement(schedule, stages, chunks)
    orders = [order(schedule, stages, stage, micro_batches, chunks, group) for stage in range(stages)]
    run = _Run(orders, pieces, durations)
    run.go()
    return Timeline(tuple(tuple(ran) for ran in run.ranks))


class _Run:
    """The ranks at work: each goes on until a result that it needs is not there, and again when it is."""

    def __init__(
        self, orders: list[tuple[Step, ...]], pieces: tuple[tuple[int, ...], ...], durations: dict[Action, float]
    ) -> None:
        self.left = [deque(steps) for steps in orders]
        self.pieces = pieces
        self.durations = durations
        self.last = max(map(max, pieces))
        self.ranks: list[list[Timed]] = [[] for _ in orders]
        self.ends: dict[Result, float] = {}
        self.waiting: dict[Result, int] = {}

    def go(self) -> None:
        """Runs every step of every rank."""
        ready = list(range(len(self.left)))
        while ready:
            rank = ready.pop()
            while self.left[rank]:
                needed = self.needed(rank, self.left[rank][0])
                missing = next((result for result in needed if result not in self.ends), None)
                if missing is not None:
                    self.waiting[missing] = rank
                    break
                made = self.take(rank, self.left[rank].popleft(), needed)
                if made in self.waiting:
                    ready.append(self.waiting.pop(made))
        if self.waiting:
            stuck = [
                f"rank {rank} for the {action} of micro-batch {micro_batch} in virtual stage {piece}"
                for (action, piece, micro_batch), rank in self.waiting.items()
            ]
            raise RuntimeError(f"the schedule stands still; waiting: {', '.join(stuck)}")

    def needed(self, rank: int, step: Step) -> list[Result]:
        """The results that a step waits for: of the neighbouring piece of the model, and of its own earlier steps."""
        piece = self.pieces[rank][step.chunk]
        if step.action is Action.FORWARD:
            return [(Action.FORWARD, piece - 1, step.micro_batch)] if piece else []
        if step.action is Action.BACKWARD_WEIGHT:
            return [(Action.BACKWARD, piece, step.micro_batch)]
        own = (Action.FORWARD, piece, step.micro_batch)
        return [own] if piece == self.last else [own, (Action.BACKWARD, piece + 1, step.micro_batch)]

    def take(self, rank: int, step: Step, needed: list[Result]) -> Result:
        """Runs a step and returns its result."""
        ran = self.ranks[rank]
        start = max([ran[-1].end if ran else 0.0, *(self.ends[result] for result in needed)])
        ran.append(Timed(step, start, start + self.durations[step.action]))
        kind = Action.BACKWARD if step.action is Action.BACKWARD_INPUT else step.action
        made = (kind, self.pieces[rank][step.chunk], step.micro_batch)
        self.ends[made] = ran[-1].end
        return made
