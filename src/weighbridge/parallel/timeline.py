"""When every step of a pipeline schedule runs, from what each waits for."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from weighbridge.parallel.schedule import Action, Schedule, Step, order, placement
from weighbridge.sums import summed
from weighbridge.traced import plain

Result = tuple[Action, int, int]
"""What a step makes: its action (either backward that gives the input's gradient: BACKWARD), virtual stage, batch."""


@dataclass(frozen=True, slots=True)
class Task:
    """A step of a rank and what it waits for.

    Attributes:
        rank: which.
        step: the step.
        needs: the tasks whose results it needs, by their places, and whether each is another rank's.
        sends: its result goes to another rank.
    """

    rank: int
    step: Step
    needs: tuple[tuple[int, bool], ...]
    sends: bool


@dataclass(frozen=True, slots=True)
class Timed:
    """A step and when it runs.

    Attributes:
        step: the step.
        start: when it begins, in the unit of the durations given; the training step begins at 0.
        end: when it is done.
        sends: its result goes to another rank.
    """

    step: Step
    start: float
    end: float
    sends: bool = False


@dataclass(frozen=True, eq=False)
class Timeline:
    """All steps of all ranks.

    Attributes:
        tasks: the steps, each after those that it waits for.
        starts: when each begins.
        ends: when each is done.
    """

    tasks: Sequence[Task]
    starts: Sequence[float]
    ends: Sequence[float]

    @cached_property
    def ranks(self) -> tuple[tuple[Timed, ...], ...]:
        """The steps of every pipeline rank, in the order in which they run."""
        found: list[list[Timed]] = [[] for _ in self.finishes]
        for task, start, end in zip(self.tasks, self.starts, self.ends, strict=True):
            found[task.rank].append(Timed(task.step, start, end, task.sends))
        return tuple(map(tuple, found))

    @cached_property
    def finishes(self) -> tuple[float, ...]:
        """When every rank is done."""
        last = {task.rank: end for task, end in zip(self.tasks, self.ends, strict=True)}
        return tuple(last[rank] for rank in sorted(last))

    @property
    def duration(self) -> float:
        """From the first step's beginning to the last one's end."""
        return max(self.finishes)

    @property
    def bubble(self) -> float:
        """Share of all ranks' time in which they wait, from 0 to 1."""
        busy = summed(self.ends) - summed(self.starts)
        return 1 - busy / (self.duration * len(self.finishes))


@dataclass(frozen=True, slots=True)
class Durations:
    """How long a rank's steps take in one chunk, in any unit.

    Attributes:
        forward: the forward pass of one micro-batch.
        inputs: the backward half that gives the gradient of the input.
        weights: the other half; a whole backward takes both.
    """

    forward: float = 1.0
    inputs: float = 1.0
    weights: float = 1.0

    def of(self, action: Action) -> float:
        """Of one action."""
        match action:
            case Action.FORWARD:
                return self.forward
            case Action.BACKWARD:
                return self.inputs + self.weights
            case Action.BACKWARD_INPUT:
                return self.inputs
            case Action.BACKWARD_WEIGHT:
                return self.weights


@dataclass(frozen=True, slots=True)
class Sending:
    """Messages between ranks of a pipeline.

    Attributes:
        seconds: from one rank to the next, in the unit of the durations.
        blocks: a rank waits until what it sends has arrived; otherwise it goes on.
    """

    seconds: float = 0.0
    blocks: bool = False


def simulate(
    schedule: Schedule,
    stages: int,
    micro_batches: int,
    chunks: int = 1,
    durations: Durations | Sequence[Sequence[Durations]] = Durations(),
    group: int | None = None,
    sending: Sending = Sending(),
) -> Timeline:
    """Every step as early as its rank's order and the results of other steps allow.

    Args:
        schedule: the schedule.
        stages: ranks of the pipeline.
        micro_batches: micro-batches of the training step.
        chunks: virtual stages per rank.
        durations: of every step alike, or of each rank and each of its chunks.
        group: micro-batches that run at a time in a chunk of the interleaved schedule.
        sending: messages between ranks; they take no time by default.

    Nothing overlaps within a rank: where DualPipe runs a forward and a backward at once, they follow each other.

    Raises:
        RuntimeError: ranks wait for each other and none can go on.
    """
    planned = tasks(schedule, int(plain(stages)), int(plain(micro_batches)), int(plain(chunks)), group and int(group))
    free = [0.0] * int(plain(stages))
    starts: list[float] = []
    ends: list[float] = []
    late, blocked = (0.0, sending.seconds) if sending.blocks else (sending.seconds, 0.0)
    for task in planned:
        rank, step = task.rank, task.step
        start = free[rank]
        for place, sent in task.needs:
            ready = ends[place] + late if sent else ends[place]
            if ready > start:
                start = ready
        own = durations if isinstance(durations, Durations) else durations[rank][step.chunk]
        free[rank] = start + own.of(step.action) + (blocked if task.sends else 0.0)
        starts.append(start)
        ends.append(free[rank])
    return Timeline(planned, starts, ends)


@lru_cache(maxsize=256)
def tasks(schedule: Schedule, stages: int, micro_batches: int, chunks: int, group: int | None) -> tuple[Task, ...]:
    """All steps of all ranks, each after those that it waits for; how long they take does not matter. Arguments and
    errors as of :func:`simulate`.
    """
    orders = [order(schedule, stages, stage, micro_batches, chunks, group) for stage in range(stages)]
    run = _Run(orders, placement(schedule, stages, chunks))
    run.go()
    return tuple(run.done)


class _Run:
    """The ranks at work: each goes on until a result that it needs is not there, and again when it is."""

    def __init__(self, orders: list[tuple[Step, ...]], pieces: tuple[tuple[int, ...], ...]) -> None:
        self.left = [deque(steps) for steps in orders]
        self.pieces = pieces
        self.last = max(map(max, pieces))
        self.done: list[Task] = []
        self.made: dict[Result, int] = {}
        self.waiting: dict[Result, int] = {}

    def go(self) -> None:
        """Runs every step of every rank."""
        ready = list(range(len(self.left)))
        while ready:
            rank = ready.pop()
            while self.left[rank]:
                needed = self.needed(rank, self.left[rank][0])
                missing = next((result for result in needed if result not in self.made), None)
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
        places = [self.made[result] for result in needed]
        needs = tuple((place, self.done[place].rank != rank) for place in places)
        kind = Action.BACKWARD if step.action is Action.BACKWARD_INPUT else step.action
        made = (kind, self.pieces[rank][step.chunk], step.micro_batch)
        self.made[made] = len(self.done)
        self.done.append(Task(rank, step, needs, self.sends(rank, step)))
        return made

    def sends(self, rank: int, step: Step) -> bool:
        """Whether the result of a step goes to another rank."""
        piece = self.pieces[rank][step.chunk]
        if step.action is Action.BACKWARD_WEIGHT:
            return False
        to = piece + 1 if step.action is Action.FORWARD else piece - 1
        return 0 <= to <= self.last and to not in self.pieces[rank]
