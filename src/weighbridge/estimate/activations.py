"""What a pipeline stage keeps for the backward pass, and the most that stands at any moment of a step."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from weighbridge.arithmetic import Count, total
from weighbridge.gradients import Standing
from weighbridge.parallel.schedule import Action
from weighbridge.parallel.schedule import Moment as Turn
from weighbridge.replay import Direction, Piece, Replay, Size
from weighbridge.tape import Tensor


@dataclass(frozen=True, eq=False)
class Weighed:
    """A piece with a rank's sizes put in.

    Attributes:
        piece: what runs.
        replay: what stands when.
        size: a rank's bytes of a tensor.
        name: what it is called in reports.
        group: layers that are recomputed together from one input.
        full: the same piece keeping everything, for the layers of a group.
    """

    piece: Piece
    replay: Replay
    size: Size
    name: str
    group: int = 1
    full: Weighed | None = None

    @cached_property
    def kept(self) -> Count:
        """Bytes that one run leaves for the backward pass."""
        return self.replay.kept_bytes(self.size)

    @cached_property
    def live(self) -> dict[Direction, list[Count]]:
        """Bytes at every moment of each pass."""
        return {direction: self.replay.live(direction, self.size) for direction in self.replay.passes}

    @cached_property
    def highest(self) -> dict[Direction, tuple[Count, int]]:
        """The most bytes of each pass, and the place of that moment; for integers."""
        return {
            direction: max(((bytes, -place) for place, bytes in enumerate(live)), default=(0, 0))
            for direction, live in self.live.items()
        }


@dataclass(frozen=True, slots=True)
class Run:
    """Equal pieces in a row on a stage.

    Attributes:
        weighed: one of them.
        count: how many.
    """

    weighed: Weighed
    count: int

    @property
    def kept(self) -> Count:
        """Bytes that all of them keep."""
        return self.count * self.weighed.kept


@dataclass(frozen=True, slots=True)
class Peak:
    """The highest moment of a stage.

    Attributes:
        bytes: what stands.
        turn: what the schedule runs.
        runs: the pieces of every chunk.
        run: the place of the run that works, in its chunk.
        direction: its pass.
        moment: the place of the moment in that pass.
    """

    bytes: Count
    turn: Turn
    runs: tuple[tuple[Run, ...], ...]
    run: int
    direction: Direction
    moment: int

    @property
    def working(self) -> Weighed:
        """The piece that works."""
        return self.runs[self.turn.chunk][self.run].weighed

    @property
    def shared(self) -> list[tuple[Tensor, Count]]:
        """What runs of a chunk keep in common, once per micro-batch in flight."""
        held = zip(self.runs, self.turn.held, strict=True)
        return [(tensor, times) for runs, times in held for tensor in in_common(runs) if times]

    @property
    def held(self) -> list[tuple[Weighed, Count]]:
        """How often what each piece keeps stands beside the piece that works."""
        found: list[tuple[Weighed, Count]] = []
        for chunk, (runs, times) in enumerate(zip(self.runs, self.turn.held, strict=True)):
            others = times - (chunk == self.turn.chunk and self.direction is Direction.BACKWARD)
            for place, run in enumerate(runs):
                own = 0
                if chunk == self.turn.chunk and place <= self.run:
                    own = run.count - (place == self.run)
                found.append((run.weighed, others * run.count + own))
        if self.working.full and self.direction is Direction.BACKWARD:
            found.append((self.working.full, self.working.group - 1))
        return [(weighed, count) for weighed, count in found if count]

    @property
    def standing(self) -> Standing:
        """What stands in the piece that works."""
        return self.working.replay.standing(self.direction, self.moment)


FORWARD = (Action.FORWARD,)


def in_common(runs: Sequence[Run]) -> list[Tensor]:
    """What runs keep of tensors that stand outside them, each once."""
    found = {id(tensor): tensor for run in runs for tensor in run.weighed.replay.shared}
    return list(found.values())


def _size(runs: Sequence[Run]) -> Size:
    return runs[0].weighed.size


def highest(chunks: Sequence[Sequence[Run]], turns: Iterable[Turn]) -> Peak:
    """The highest moment of a stage.

    Args:
        chunks: the pieces of each of the stage's chunks, in order.
        turns: what the schedule has the stage do, and how many micro-batches it holds then.
    """
    runs = tuple(tuple(chunk) for chunk in chunks)
    common = [total(_size(chunk)(tensor) for tensor in in_common(chunk)) for chunk in runs]
    own = [total(run.kept for run in chunk) for chunk in runs]
    kept = [a + b for a, b in zip(own, common, strict=True)]
    inside = {
        (place, direction): _inside(chunk, direction)
        for place, chunk in enumerate(runs)
        for direction in (Direction.FORWARD, Direction.BACKWARD)
    }
    best: Peak | None = None
    for turn in turns:
        direction = Direction.FORWARD if turn.action in FORWARD else Direction.BACKWARD
        base = total(times * bytes for times, bytes in zip(turn.held, kept, strict=True))
        if direction is Direction.BACKWARD:
            base = base - own[turn.chunk]
        bytes, run, moment = inside[turn.chunk, direction]
        if best is None or base + bytes > best.bytes:
            best = Peak(base + bytes, turn, runs, run, direction, moment)
    assert best is not None, "a schedule has turns"
    return best


def _inside(runs: Sequence[Run], direction: Direction) -> tuple[Count, int, int]:
    """The most bytes while a chunk runs once, the place of the run that works then, and the moment."""
    base: Count = 0
    best: tuple[Count, int, int] = (0, 0, 0)
    for place, run in enumerate(runs):
        bytes, moment = run.weighed.highest[direction]
        reached = base + (run.count - 1) * run.weighed.kept + bytes
        if run.weighed.full and direction is Direction.BACKWARD:
            reached = reached + (run.weighed.group - 1) * run.weighed.full.kept
        if reached > best[0]:
            best = (reached, place, -moment)
        base = base + run.kept
    return best
