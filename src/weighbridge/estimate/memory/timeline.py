"""Memory over one training step: every stage's forward and backward passes, and what stands in each.

When things run comes from the schedule alone, in units: a forward pass of a chunk takes 1, a backward pass 2, and the
optimizer's step, when all stages are done, is drawn as 1. What stands comes from the same replays as the ledger, so the
highest sample of a stage is its allocated peak.

Of a step with many micro-batches, those that repeat the middle are left out: warm-up, a few periods and cool-down stay.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from weighbridge.arithmetic import Count
from weighbridge.estimate.memory.activations import Peak, Run
from weighbridge.estimate.memory.ledger import USES, Line, entries, stepping, through
from weighbridge.estimate.memory.stage import Stage
from weighbridge.estimate.training import Training
from weighbridge.parallel.plan import Plan
from weighbridge.parallel.schedule import Action, Schedule, Step, Turn
from weighbridge.parallel.timeline import Timed, simulate
from weighbridge.parallel.timeline import Timeline as Simulated
from weighbridge.replay import Direction
from weighbridge.tape import Use
from weighbridge.traced import plain

MOST_SAMPLES = 50_000
"""Samples of a whole timeline; where every layer would make more, passes are sampled at their highest moment only."""

Levels = tuple[int, ...]
"""Bytes by line, in the order of :class:`~weighbridge.estimate.memory.ledger.Line`."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What stands from a time on, until the next sample.

    Attributes:
        time: in units.
        levels: bytes of every line.
    """

    time: float
    levels: Levels

    @property
    def bytes(self) -> int:
        """Bytes of all lines."""
        return sum(self.levels)


@dataclass(frozen=True, slots=True)
class Slice:
    """One forward or backward pass of one micro-batch in one chunk.

    Attributes:
        step: which.
        place: the virtual stage, counted over the whole model.
        start: when it begins, in units.
        end: when it is done.
    """

    step: Step
    place: int
    start: float
    end: float


@dataclass(frozen=True)
class Track:
    """One stage's step.

    Attributes:
        number: the stage.
        slices: its passes, in order.
        samples: its memory, in order of time.
    """

    number: int
    slices: tuple[Slice, ...]
    samples: tuple[Sample, ...]


@dataclass(frozen=True)
class Timeline:
    """One training step.

    Attributes:
        tracks: every stage's.
        duration: in units, the optimizer's step included.
        bubble: share of all ranks' time in which they wait.
        every_layer: passes are sampled at every layer, not only at their highest moment.
        micro_batches: of the step.
        drawn: as many of them are in the tracks; the others repeat the middle of the step.
    """

    tracks: tuple[Track, ...]
    duration: float
    bubble: float
    every_layer: bool
    micro_batches: int
    drawn: int

    @property
    def left_out(self) -> str:
        """What the tracks leave out, in words; empty where they are whole."""
        if self.drawn == self.micro_batches:
            return ""
        return f"{self.drawn:,} of {self.micro_batches:,} micro-batches, the middle left out"


DIRECTIONS = {
    Action.FORWARD: Direction.FORWARD,
    Action.BACKWARD: Direction.BACKWARD,
    Action.BACKWARD_INPUT: Direction.BACKWARD,
}
"""The pass that an action is; a weight half makes no activations."""

STEP = 1.0
"""Units that the optimizer's step is drawn with: what it takes, no schedule says."""

GROUPS = 3
"""Groups of micro-batches of the interleaved schedule that are drawn at least: warm-up takes up to two."""

MIDDLE = 8
"""Micro-batches that are drawn beside those of warm-up and cool-down."""


def drawn(plan: Plan) -> int:
    """Micro-batches that show all of a step: those of warm-up, a few periods and cool-down. A number that the schedule
    runs, as large as the whole one leaves it: the same rest after whole groups, an even one for DualPipe.
    """
    whole, stages = int(plain(plan.micro_batches)), int(plain(plan.pipeline))
    if plan.order is Schedule.INTERLEAVED:
        group = min(plan.group or stages, whole)
        return min(whole, whole % group + max(GROUPS, MIDDLE // group) * group)
    return min(whole, 2 * stages + MIDDLE)


def timeline(
    training: Training,
    ran: Simulated | None = None,
    stepped: Sequence[tuple[float, float]] | None = None,
    only: int | None = None,
) -> Timeline:
    """One training step with its memory.

    Args:
        training: the step.
        ran: its schedule with real durations, on as many micro-batches as :func:`drawn` gives; in units if ``None``.
        stepped: when the optimizer's step of every stage begins and ends, in the unit of ``ran``; a unit after all
            passes if ``None``.
        only: the one stage whose memory is wanted; samples of the others stay empty.
    """
    plan = training.plan
    whole, shown = int(plain(plan.micro_batches)), drawn(plan)
    ran = ran or simulate(plan.order, plan.pipeline, shown, plan.virtual, group=plan.group)
    stages = [_Stage(stage) for stage in training.stages]
    wanted = [only in (None, number) for number in range(len(stages))]
    each = zip(stages, ran.ranks, wanted, strict=True)
    needed = sum(len(steps) * 2 * stage.deepest for stage, steps, want in each if want)
    every_layer = needed <= MOST_SAMPLES
    gap = whole - shown if plan.order is Schedule.GPIPE else 0
    stepped = stepped or [(ran.duration, ran.duration + STEP)] * len(stages)
    ranks = zip(stages, ran.ranks, stepped, wanted, strict=True)
    tracks = tuple(
        stage.track(steps, every_layer, own, gap) if want else Track(stage.stage.number, stage.slices(steps), ())
        for stage, steps, own, want in ranks
    )
    busy = (1 - ran.bubble) * whole / shown  # ranks wait as long, however many micro-batches there are
    return Timeline(tracks, max(end for _, end in stepped), ran.bubble / (ran.bubble + busy), every_layer, whole, shown)


def _sum(*terms: tuple[int, Levels]) -> Levels:
    """Levels, each so many times, added up."""
    return tuple(
        sum(times * level for (times, _), level in zip(terms, column, strict=True)) for column in _columns(terms)
    )


def _columns(terms: tuple[tuple[int, Levels], ...]) -> Iterator[tuple[int, ...]]:
    return zip(*(levels for _, levels in terms), strict=True)


def _by_line(found: Mapping[Use, Count]) -> Levels:
    """Bytes by use as levels."""
    return _levels({USES[use]: bytes for use, bytes in found.items()})


def _levels(lines: Mapping[Line, Count]) -> Levels:
    """Bytes by line as levels."""
    return tuple(int(plain(lines.get(line, 0))) for line in Line)


class _Stage:
    """What stands on a stage, by what it runs and how many micro-batches it holds."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.runs = stage.runs
        self._inside: dict[tuple[int, int, Action, int], Levels] = {}

    @property
    def deepest(self) -> int:
        """Layers and other pieces of the chunk that has most."""
        return max(sum(run.count for run in chunk) for chunk in self.runs)

    @cached_property
    def static(self) -> Levels:
        """What stands all through the step beside activations."""
        return _levels(through(self.stage))

    @cached_property
    def stepping(self) -> Levels:
        """What stands in the optimizer's step."""
        return _levels(stepping(self.stage))

    def _moment(self, peak: Peak) -> Levels:
        found = dict.fromkeys(Line, 0)
        for entry in entries(peak):
            found[entry.line] += int(plain(entry.count * self.stage.training.size(entry.tensor)))
        beside = self.stage.gathering.at(peak)
        found[Line.COMMUNICATION] += int(plain(beside.communication))
        found[Line.GRADIENTS] += int(plain(beside.gradients))
        return tuple(found.values())

    def _at(self, chunk: int, run: int, action: Action, held: int, behind: int = 0) -> Levels:
        """The highest moment of a piece while the stage holds so many micro-batches of that chunk and no other."""
        weighed, direction = self.runs[chunk][run].weighed, DIRECTIONS[action]
        split = action is Action.BACKWARD_INPUT
        highest = (weighed.highest_split if split else weighed.highest[direction])[1]
        counts = tuple(held * (place == chunk) for place in range(len(self.runs)))
        turn = Turn(action, chunk, counts, (0,) * len(counts))
        return self._moment(Peak(0, turn, self.runs, run, direction, -highest, behind))

    def inside(self, chunk: int, run: int, action: Action, layer: int) -> Levels:
        """What a pass has at the highest moment of one piece of a run, beyond other micro-batches."""
        above = self.runs[chunk][run].count - 1 - layer
        forward = action is Action.FORWARD
        key = (chunk, run, action, 0 if forward else above)
        if key not in self._inside:
            self._inside[key] = self._at(chunk, run, action, 0 if forward else 1, key[3])
        return _sum((1, self._inside[key]), (-above, self.pieces[chunk][run])) if forward else self._inside[key]

    @cached_property
    def kept(self) -> tuple[Levels, ...]:
        """What one micro-batch in flight keeps in every chunk."""
        both = ((self._at(c, 0, Action.FORWARD, 1), self._at(c, 0, Action.FORWARD, 0)) for c in range(len(self.runs)))
        return tuple(_sum((1, one), (-1, none)) for one, none in both)

    def each(self, run: Run) -> Levels:
        """What one piece of a run keeps."""
        return _by_line(run.weighed.kept_by_use)

    @cached_property
    def pending(self) -> tuple[Levels, ...]:
        """What one micro-batch leaves in every chunk between the halves of a split backward pass."""
        none = (0, (0,) * len(Line))
        return tuple(
            _sum(none, *((run.count, _by_line(run.weighed.pending_by_use)) for run in chunk)) for chunk in self.runs
        )

    @cached_property
    def pieces(self) -> tuple[tuple[Levels, ...], ...]:
        """What one piece of every run keeps, by chunk."""
        return tuple(tuple(self.each(run) for run in chunk) for chunk in self.runs)

    def standing(self, held: list[int], late: list[int]) -> Levels:
        """What stands between passes, by chunk: micro-batches that are whole, and those that await a weight half."""
        waiting = (
            [(times, levels) for times, levels in zip(late, self.pending, strict=True) if times] if any(late) else []
        )
        return _sum((1, self.static), *zip(held, self.kept, strict=True), *waiting)

    def track(self, steps: tuple[Timed, ...], every_layer: bool, own: tuple[float, float], gap: int = 0) -> Track:
        """A stage's step from its passes, and the optimizer's from its beginning to its end. In its middle ``gap`` more
        micro-batches go forward before any goes backward (GPipe), which are not drawn.
        """
        held, late = [0] * len(self.runs), [0] * len(self.runs)
        half = len(steps) // 4
        samples = [Sample(0.0, self.static)]
        for place, timed in enumerate(steps):
            step = timed.step
            held[0] += gap * ((place == half) - (place == len(steps) - half))
            samples += self._samples(timed, held, late, every_layer)
            held[step.chunk] += {Action.FORWARD: 1, Action.BACKWARD_WEIGHT: 0}.get(step.action, -1)
            late[step.chunk] += {Action.BACKWARD_INPUT: 1, Action.BACKWARD_WEIGHT: -1}.get(step.action, 0)
            samples.append(Sample(timed.end, self.standing(held, late)))
        samples += [Sample(own[0], self.stepping), Sample(own[1], self.static)]
        return Track(self.stage.number, self.slices(steps), tuple(samples))

    def slices(self, steps: tuple[Timed, ...]) -> tuple[Slice, ...]:
        """A stage's passes."""
        virtual = self.stage.virtual
        return tuple(Slice(one.step, virtual[one.step.chunk], one.start, one.end) for one in steps)

    def _samples(self, timed: Timed, held: list[int], late: list[int], every_layer: bool) -> list[Sample]:
        chunk, action = timed.step.chunk, timed.step.action
        if action is Action.BACKWARD_WEIGHT:
            return []
        others = held.copy()
        others[chunk] -= action is not Action.FORWARD
        base = self.standing(others, late)
        if every_layer and action in (Action.FORWARD, Action.BACKWARD):
            return list(self._layers(timed, base, action))
        return [Sample(timed.start, _sum((1, base), (1, self._highest(chunk, action))))]

    def _highest(self, chunk: int, action: Action) -> Levels:
        """What a pass has at its highest moment, beyond other micro-batches."""
        key = (chunk, -1, action, 0)
        if key not in self._inside:
            places = ((r, layer) for r, run in enumerate(self.runs[chunk]) for layer in range(run.count))
            self._inside[key] = max((self.inside(chunk, r, action, layer) for r, layer in places), key=sum)
        return self._inside[key]

    def _layers(self, timed: Timed, base: Levels, action: Action) -> Iterator[Sample]:
        """A pass piece by piece: the highest moment of each, and what stands after it."""
        chunk, direction = timed.step.chunk, DIRECTIONS[action]
        runs = self.runs[chunk]
        order = [(run, layer) for run in range(len(runs)) for layer in range(runs[run].count)]
        order = order if direction is Direction.FORWARD else order[::-1]
        length = (timed.end - timed.start) / len(order)
        for place, (run, layer) in enumerate(order):
            high = _sum((1, base), (1, self.inside(chunk, run, action, layer)))
            yield Sample(timed.start + place * length, high)
            if place + 1 < len(order):
                yield Sample(timed.start + (place + 0.75) * length, self._after(base, chunk, run, layer, direction))

    def _after(self, base: Levels, chunk: int, run: int, layer: int, direction: Direction) -> Levels:
        """What stands when a piece is done."""
        pieces, runs = self.pieces[chunk], self.runs[chunk]
        below = [(runs[place].count, pieces[place]) for place in range(run)]
        left = layer + 1 if direction is Direction.FORWARD else layer
        common = self._common[chunk] if direction is Direction.BACKWARD else (0,) * len(Line)
        return _sum((1, base), (1, common), *below, (left, pieces[run]))

    @cached_property
    def _common(self) -> tuple[Levels, ...]:
        """What a micro-batch keeps in a chunk once for all its pieces."""
        together = (
            _sum(*((run.count, piece) for run, piece in zip(chunk, pieces, strict=True)))
            for chunk, pieces in zip(self.runs, self.pieces, strict=True)
        )
        return tuple(_sum((1, kept), (-1, own)) for kept, own in zip(self.kept, together, strict=True))
