"""What a pipeline stage keeps for the backward pass, and the most that stands at any moment of a step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

from weighbridge.arithmetic import Count, total
from weighbridge.gradients import Standing
from weighbridge.parallel.schedule import Action, Turn
from weighbridge.replay import Direction, Piece, Replay, Size
from weighbridge.tape import Tensor, Use


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
    def kept_by_use(self) -> dict[Use, Count]:
        """The same by the line of the ledger that it stands in."""
        found: dict[Use, list[Count]] = {}
        for tensor, times in self.replay.kept:
            found.setdefault(tensor.use, []).append(times * self.size(tensor))
        return {use: total(terms) for use, terms in found.items()}

    @cached_property
    def away(self) -> Count:
        """Bytes that one run has on the host until it runs backward."""
        return total(times * self.size(tensor) for tensor, times in self.replay.away)

    @cached_property
    def cached(self) -> Count:
        """Bytes that one run leaves until the whole forward pass ends."""
        return total(times * self.size(tensor) for tensor, times in self.replay.cached)

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
        behind: equal pieces of the run that went backward before it.
    """

    bytes: Count
    turn: Turn
    runs: tuple[tuple[Run, ...], ...]
    run: int
    direction: Direction
    moment: int
    behind: int = 0

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
                    own = run.count - (1 + self.behind if place == self.run else 0)
                found.append((run.weighed, others * run.count + own))
        if self.working.full and self.direction is Direction.BACKWARD:
            found.append((self.working.full, self.working.group - 1))
        return [(weighed, count) for weighed, count in found if count]

    @property
    def cached(self) -> list[tuple[Weighed, Count]]:
        """How often what each piece leaves until the forward pass ends stands beside the piece that works."""
        if self.direction is not Direction.FORWARD:
            return []
        runs = self.runs[self.turn.chunk][: self.run + 1]
        counts = [(run.weighed, run.count - (place == self.run)) for place, run in enumerate(runs)]
        return [(weighed, count) for weighed, count in counts if count]

    @property
    def fetched(self) -> Standing:
        """What the piece that runs backward next has fetched from the host already."""
        if self.direction is not Direction.BACKWARD:
            return []
        before = next_backward(self.runs[self.turn.chunk], self.run, self.behind)
        return list(before.replay.away) if before else []

    @property
    def standing(self) -> Standing:
        """What stands in the piece that works."""
        return self.working.replay.standing(self.direction, self.moment)


Extra = Callable[[int, int, Direction, int], Count]
"""Bytes that stand beside activations while a piece works: by its chunk, its run, its pass, and how many equal pieces
went backward before it.
"""


def in_common(runs: Sequence[Run]) -> list[Tensor]:
    """What runs keep of tensors that stand outside them, each once."""
    found = {id(tensor): tensor for run in runs for tensor in run.weighed.replay.shared}
    return list(found.values())


def _size(runs: Sequence[Run]) -> Size:
    return runs[0].weighed.size


@dataclass(frozen=True, eq=False)
class Heights:
    """How high a stage's memory reaches, whatever its schedule.

    Attributes:
        runs: the pieces of each of its chunks, in order.
        extra: what stands beside activations and decides where the highest moment is.
    """

    runs: tuple[tuple[Run, ...], ...]
    extra: Extra

    @cached_property
    def own(self) -> list[Count]:
        """Bytes that the pieces of every chunk keep."""
        return [total(run.kept for run in chunk) for chunk in self.runs]

    @cached_property
    def kept(self) -> list[Count]:
        """Bytes that every chunk keeps, with what its pieces keep in common."""
        common = [total(_size(chunk)(tensor) for tensor in in_common(chunk)) for chunk in self.runs]
        return [a + b for a, b in zip(self.own, common, strict=True)]

    @cached_property
    def inside(self) -> dict[tuple[int, Direction], tuple[Count, Count, int, int, int]]:
        """The highest moment of every chunk and pass."""
        return {
            (place, direction): _inside(chunk, direction, partial(self.extra, place))
            for place, chunk in enumerate(self.runs)
            for direction in (Direction.FORWARD, Direction.BACKWARD)
        }

    def highest(self, turns: Iterable[Turn]) -> Peak:
        """The highest moment where a schedule has the stage take turns, each holding so many micro-batches."""
        best: tuple[Count, Count, Turn] | None = None
        kept, own, inside = self.kept, self.own, self.inside
        for turn in turns:
            forward = turn.action is Action.FORWARD
            base: Count = 0 if forward else -own[turn.chunk]
            for times, bytes in zip(turn.held, kept, strict=True):
                base = base + times * bytes
            reached = base + inside[turn.chunk, Direction.FORWARD if forward else Direction.BACKWARD][0]
            if best is None or reached > best[0]:
                best = reached, base, turn
        assert best is not None, "a schedule has turns"
        _, base, turn = best
        direction = Direction.FORWARD if turn.action is Action.FORWARD else Direction.BACKWARD
        _, bytes, run, moment, behind = inside[turn.chunk, direction]
        return Peak(base + bytes, turn, self.runs, run, direction, moment, behind)


def next_backward(runs: Sequence[Run], place: int, behind: int) -> Weighed | None:
    """The piece that runs backward after one: an equal one, or that of the run before."""
    if behind < runs[place].count - 1:
        return runs[place].weighed
    return runs[place - 1].weighed if place else None


def _inside(
    runs: Sequence[Run], direction: Direction, extra: Callable[[int, Direction, int], Count]
) -> tuple[Count, Count, int, int, int]:
    """The most bytes while a chunk runs once, with and without what is extra, the place of the run that works then, the
    moment, and how many equal pieces are done.
    """
    base: Count = 0
    best: tuple[Count, Count, int, int, int] = (0, 0, 0, 0, 0)
    for place, run in enumerate(runs):
        highest, moment = run.weighed.highest[direction]
        if run.weighed.full and direction is Direction.BACKWARD:
            highest = highest + (run.weighed.group - 1) * run.weighed.full.kept
        backward = direction is Direction.BACKWARD
        for behind in sorted({0, min(1, run.count - 1), run.count - 1}) if backward else [0]:
            stays = run.weighed.kept if backward else run.weighed.kept + run.weighed.cached
            bytes = base + (run.count - 1 - behind) * stays + highest
            if backward and (before := next_backward(runs, place, behind)):
                bytes = bytes + before.away
            reached = bytes + extra(place, direction, behind)
            if reached > best[0]:
                best = (reached, bytes, place, -moment, behind)
        base = base + run.kept + (0 if direction is Direction.BACKWARD else run.count * run.weighed.cached)
    return best
