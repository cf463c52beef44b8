"""What a pipeline stage keeps for the backward pass, and the most that stands at any moment of a step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

from weighbridge.arithmetic import Count, total
from weighbridge.gradients import Standing
from weighbridge.parallel.schedule import Action, Turn
from weighbridge.pieces import Piece
from weighbridge.replay import Direction, Replay, Size
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
        return self._by_use(self.replay.kept)

    @cached_property
    def pending_by_use(self) -> dict[Use, Count]:
        """What one run leaves between the halves of a split backward pass, likewise."""
        return {use: self.group * bytes for use, bytes in self._by_use(self.replay.pending).items()}

    def _by_use(self, standing: Iterable[tuple[Tensor, Count]]) -> dict[Use, Count]:
        found: dict[Use, list[Count]] = {}
        for tensor, times in standing:
            found.setdefault(tensor.use, []).append(times * self.size(tensor))
        return {use: total(terms) for use, terms in found.items()}

    @cached_property
    def pending(self) -> Count:
        """Bytes that one run leaves between the halves of a split backward pass."""
        return self.group * total(times * self.size(tensor) for tensor, times in self.replay.pending)

    @cached_property
    def away(self) -> Count:
        """Bytes that one run has on the host until it runs backward."""
        return total(times * self.size(tensor) for tensor, times in self.replay.away)

    @cached_property
    def cached(self) -> Count:
        """Bytes that one run leaves until the whole forward pass ends."""
        return total(times * self.size(tensor) for tensor, times in self.replay.cached)

    @cached_property
    def highest(self) -> dict[Direction, tuple[Count, int]]:
        """The most bytes of each pass, and the place of that moment; for integers."""
        return {direction: self._highest(direction) for direction in (Direction.FORWARD, Direction.BACKWARD)}

    @cached_property
    def highest_split(self) -> tuple[Count, int]:
        """The same of the first half of a split backward pass."""
        return self._highest(Direction.INPUT)

    def _highest(self, direction: Direction) -> tuple[Count, int]:
        live = self.replay.live(direction, self.size)
        return max(((bytes, -place) for place, bytes in enumerate(live)), default=(0, 0))


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

    @property
    def pending(self) -> Count:
        """Bytes that all of them leave between the halves of a split backward pass."""
        return self.count * self.weighed.pending


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
        held = zip(self.runs, self.turn.whole, strict=True)
        return [(tensor, times) for runs, times in held for tensor in in_common(runs) if times]

    @property
    def held(self) -> list[tuple[Weighed, Count]]:
        """How often what each piece keeps stands beside the piece that works."""
        found: list[tuple[Weighed, Count]] = []
        for chunk, (runs, times) in enumerate(zip(self.runs, self.turn.whole, strict=True)):
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
    def pending(self) -> list[tuple[Weighed, Count]]:
        """How often what each piece leaves between the halves of a split backward pass stands."""
        found: list[tuple[Weighed, Count]] = []
        for chunk, (runs, times) in enumerate(zip(self.runs, self.turn.pending_weight, strict=True)):
            splits = self.turn.action is Action.BACKWARD_INPUT and chunk == self.turn.chunk
            for place, run in enumerate(runs):
                done = run.count if place > self.run else self.behind if place == self.run else 0
                found.append((run.weighed, times * run.count + (done if splits else 0)))
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
        direction = Direction.INPUT if self.turn.action is Action.BACKWARD_INPUT else self.direction
        return self.working.replay.standing(direction, self.moment)


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
    def pending(self) -> list[Count]:
        """Bytes that every chunk leaves between the halves of a split backward pass."""
        return [total(run.pending for run in chunk) for chunk in self.runs]

    def inside(self, chunk: int, action: Action) -> tuple[Count, Count, int, int, int]:
        """The highest moment of a chunk and an action."""
        if (chunk, action) not in self._inside:
            self._inside[chunk, action] = _inside(self.runs[chunk], action, partial(self.extra, chunk))
        return self._inside[chunk, action]

    @cached_property
    def _inside(self) -> dict[tuple[int, Action], tuple[Count, Count, int, int, int]]:
        return {}

    def highest(self, turns: Iterable[Turn]) -> Peak:
        """The highest moment where a schedule has the stage take turns, each holding so many micro-batches. A weight
        half is none of them: it only frees, from what stood as the turn before it ended.
        """
        best: tuple[Count, Count, Turn] | None = None
        kept, own, pending = self.kept, self.own, self.pending
        for turn in turns:
            if turn.action is Action.BACKWARD_WEIGHT:
                continue
            base: Count = 0 if turn.action is Action.FORWARD else -own[turn.chunk]
            for times, bytes in (*zip(turn.whole, kept, strict=True), *zip(turn.pending_weight, pending, strict=True)):
                base = base + times * bytes if times else base
            reached = base + self.inside(turn.chunk, turn.action)[0]
            if best is None or reached > best[0]:
                best = reached, base, turn
        assert best is not None, "a schedule has turns"
        _, base, turn = best
        direction = Direction.FORWARD if turn.action is Action.FORWARD else Direction.BACKWARD
        _, bytes, run, moment, behind = self.inside(turn.chunk, turn.action)
        return Peak(base + bytes, turn, self.runs, run, direction, moment, behind)


def next_backward(runs: Sequence[Run], place: int, behind: int) -> Weighed | None:
    """The piece that runs backward after one: an equal one, or that of the run before."""
    if behind < runs[place].count - 1:
        return runs[place].weighed
    return runs[place - 1].weighed if place else None


def _inside(
    runs: Sequence[Run], action: Action, extra: Callable[[int, Direction, int], Count]
) -> tuple[Count, Count, int, int, int]:
    """The most bytes while a chunk runs once, with and without what is extra, the place of the run that works then, the
    moment, and how many equal pieces are done.
    """
    direction = Direction.FORWARD if action is Action.FORWARD else Direction.BACKWARD
    splits = action is Action.BACKWARD_INPUT
    base: Count = total(run.pending for run in runs) if splits else 0
    best: tuple[Count, Count, int, int, int] = (0, 0, 0, 0, 0)
    for place, run in enumerate(runs):
        highest, moment = run.weighed.highest_split if splits else run.weighed.highest[direction]
        base = base - run.pending if splits else base
        if run.weighed.full and direction is Direction.BACKWARD:
            highest = highest + (run.weighed.group - 1) * run.weighed.full.kept
        backward = direction is Direction.BACKWARD
        for behind in sorted({0, min(1, run.count - 1), run.count - 1}) if backward else [0]:
            stays = run.weighed.kept if backward else run.weighed.kept + run.weighed.cached
            bytes = base + (run.count - 1 - behind) * stays + highest
            if backward and (before := next_backward(runs, place, behind)):
                bytes = bytes + before.away
            bytes = bytes + behind * run.weighed.pending if splits else bytes
            reached = bytes + extra(place, direction, behind)
            if reached > best[0]:
                best = (reached, bytes, place, -moment, behind)
        base = base + run.kept + (0 if direction is Direction.BACKWARD else run.count * run.weighed.cached)
    return best
