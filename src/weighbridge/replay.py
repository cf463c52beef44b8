"""Replay of a tape: which tensors stand at every operation, forward and then backward.

A tape falls into pieces: what stands before the layers, each run of equal layers, what follows. Each piece is replayed
once, whatever the number of its runs. What stands when depends on the operations alone, never on sizes; sizes are put
in afterwards, so one replay serves integers, traced numbers and arrays.

A tensor is allocated by the operation that makes it and freed after the last that reads it. One that an operation keeps
for the backward pass stays until the backward pass of the first operation that keeps it. Segments that are recomputed
keep what they read; the backward pass runs them again before it goes through them. Gradients stand from the operation
whose backward pass makes them to that which made the activation.

Weights, their gradient buffers and optimizer states are not on the tape.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from weighbridge.arithmetic import Count, maximum, total
from weighbridge.gradients import Gradients, Standing, gradient_of_weight, storages
from weighbridge.halves import Halves
from weighbridge.pieces import Piece
from weighbridge.tape import Operation, Segment, Span, Tensor, Use, Weight

Size = Callable[[Tensor], Count]
"""Bytes of a tensor: all of it, or a rank's share."""


class Direction(StrEnum):
    """Which pass an operation runs in."""

    FORWARD = "forward"
    AGAIN = "recomputation"
    BACKWARD = "backward"
    INPUT = "backward for the input"
    """The first half of a split backward pass."""


@dataclass(frozen=True, slots=True)
class Again:
    """A segment that is recomputed.

    Attributes:
        start: index of its first operation on the tape.
        end: index after the last.
        discards: its results are dropped too, although later operations keep them, and made again before those run
            backward (Megatron-Core, tensor_parallel/random.py, CheckpointWithoutOutput).
        saves: operations of it whose results stay, by their index on the tape (torch/utils/checkpoint.py,
            create_selective_checkpoint_contexts).
        skips: operations of it that do not run again.
    """

    start: int
    end: int
    discards: bool = False
    saves: frozenset[int] = frozenset()
    skips: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Moment:
    """One operation at work, and how what stands changes.

    Attributes:
        operation: what runs.
        direction: forward, again or backward.
        added: what is allocated before it, and how often it stands.
        freed: what is freed after it.
    """

    operation: Operation
    direction: Direction
    added: tuple[tuple[Tensor, Count], ...]
    freed: tuple[tuple[Tensor, Count], ...]


@dataclass(frozen=True, eq=False)
class Replay:
    """One run of a piece.

    Attributes:
        kept: what each run leaves for the backward pass.
        pending: what stands of it between the halves of a split backward pass (zero-bubble schedules): what gradients
            of weights are made of.
        away: what it would keep, but has copied to the host and brings back before it runs backward.
        shared: what it keeps of tensors that stand outside it, once for all runs (tables of positions, tokens).
        cached: what it does not keep, but what stands until the whole forward pass ends.
        forward: its operations in order, starting from nothing but its input.
        backward: the same backward, starting from what is kept and the gradient of its result.
    """

    kept: tuple[tuple[Tensor, Count], ...]
    pending: tuple[tuple[Tensor, Count], ...]
    away: tuple[tuple[Tensor, Count], ...]
    shared: tuple[Tensor, ...]
    cached: tuple[tuple[Tensor, Count], ...]
    forward: tuple[Moment, ...]
    backward: tuple[Moment, ...]

    def kept_bytes(self, size: Size) -> Count:
        """Bytes of what is kept."""
        return total(times * size(tensor) for tensor, times in self.kept)

    @cached_property
    def passes(self) -> dict[Direction, tuple[Moment, ...]]:
        """Moments by pass."""
        stays = {id(tensor) for tensor, _ in self.pending}
        split = (
            Moment(m.operation, m.direction, m.added, tuple(one for one in m.freed if id(one[0]) not in stays))
            for m in self.backward
        )
        return {Direction.FORWARD: self.forward, Direction.BACKWARD: self.backward, Direction.INPUT: tuple(split)}

    def live(self, direction: Direction, size: Size) -> list[Count]:
        """Bytes that stand at every moment of a pass."""
        found: list[Count] = []
        live: Count = 0
        for moment in self.passes[direction]:
            for tensor, times in moment.added:
                live = live + times * size(tensor)
            found.append(live)
            for tensor, times in moment.freed:
                live = live - times * size(tensor)
        return found

    def peak(self, direction: Direction, size: Size) -> Count:
        """The most bytes that stand at any moment of a pass."""
        highest: Count = 0
        for live in self.live(direction, size):
            highest = maximum(highest, live)
        return highest

    def standing(self, direction: Direction, index: int) -> Standing:
        """What stands at a moment, by its place in its pass."""
        found: dict[int, tuple[Tensor, Count]] = {}
        for number, moment in enumerate(self.passes[direction][: index + 1]):
            changes = [*moment.added, *((t, -n) for t, n in moment.freed if number < index)]
            for tensor, times in changes:
                held = found.get(id(tensor), (tensor, 0))[1] + times
                found[id(tensor)] = (tensor, held)
        return [(tensor, times) for tensor, times in found.values() if type(times) is not int or times]


def replay(
    piece: Piece,
    again: Sequence[Again] = (),
    weight_gradients: bool = False,
    away: Sequence[Segment] = (),
    keeps_graph: bool = False,
) -> Replay:
    """Replay one run of a piece.

    Args:
        piece: what runs.
        again: segments that are recomputed, in order, none inside another.
        weight_gradients: the gradient of each weight stands by itself until it is added to a buffer (Megatron-Core
            without gradient accumulation fusion).
        away: segments whose kept tensors are copied to the host until the piece runs backward.
        keeps_graph: between the halves of a split backward pass all that is kept below the last weight stays.
    """
    walk = _Walk(piece, tuple(again), weight_gradients, tuple(away), keeps_graph)
    walk.keep()
    kept, left, cached = (tuple(found.values()) for found in (walk.kept, walk.away, walk.cached))
    both = tuple(walk.forward()), tuple(walk.backward())
    return Replay(kept, tuple(walk.halves.pending.values()), left, tuple(walk.shared), cached, *both)


def passing(piece: Piece) -> tuple[Moment, ...]:
    """One forward pass of which nothing is kept: every tensor goes after its last reader."""
    walk = _Walk(piece, (), False)
    if walk.inner:
        walk.keep()
    return tuple(walk.run(walk.places, Direction.FORWARD, set(), {}))


@dataclass
class _Walk:
    """The bookkeeping of one piece."""

    piece: Piece
    again: tuple[Again, ...]
    weight_gradients: bool
    offloaded: tuple[Segment, ...] = ()
    keeps_graph: bool = False
    kept: dict[int, tuple[Tensor, Count]] = field(default_factory=dict)
    away: dict[int, tuple[Tensor, Count]] = field(default_factory=dict)
    shared: list[Tensor] = field(default_factory=list)

    def __post_init__(self) -> None:
        piece, tape = self.piece, self.piece.tape
        self.places = range(piece.start, piece.end)
        self.inner = [s for s in tape.spans if s.module is not piece.module and self._holds(s)]
        makes = ((i, key, t) for i in self.places for key, t in storages(tape.operations[i].makes).items())
        self.made = {key: i for i, key, tensor in makes if tensor.use is not Use.OUTSIDE}
        self.first_kept: dict[int, int] = {}
        self.dropped: dict[int, Again] = {}

    def keep(self) -> None:
        """Find what stays for the backward pass."""
        for part in self.again:
            if part.discards:
                self.dropped |= {key: part for key, i in self.made.items() if part.start <= i < part.end}
        for i in self.places:
            for key, tensor in self.stays(i).items():
                if self.given(key):
                    self.shared += [] if tensor.use is Use.OUTSIDE or tensor in self.shared else [tensor]
                    continue
                self.first_kept.setdefault(key, i)
                if key not in self.dropped:
                    self.kept.setdefault(key, (tensor, self.times(key, i)))
        for i in self.places:
            if any(segment.start <= i < segment.end for segment in self.offloaded):
                self.away |= {key: self.kept.pop(key) for key in self.stays(i) if key in self.kept}
        self.halves = Halves(self.given, self.times, self.below_weights() if self.keeps_graph else None)

    def _holds(self, span: Span | Segment) -> bool:
        return self.piece.start <= span.start and span.end <= self.piece.end

    def __getitem__(self, index: int) -> Operation:
        return self.piece.tape.operations[index]

    def below_weights(self) -> dict[int, tuple[Tensor, Count]]:
        """What is kept by the last operation that reads a weight and by those before it."""
        weighs = [i for i in self.places if any(isinstance(w, Weight) for w in self[i].reads)]
        last = max(weighs, default=self.piece.start - 1)
        return {key: found for key, found in self.kept.items() if self.first_kept[key] <= last}

    def given(self, key: int) -> bool:
        """Whether a tensor is made neither here nor by the run before."""
        carried = self.piece.carried
        return key not in self.made and (carried is None or key != id(carried.storage))

    def covering(self, index: int) -> Again | None:
        """The recomputed segment that an operation belongs to."""
        return next((part for part in self.again if part.start <= index < part.end), None)

    def inputs(self, part: Again) -> dict[int, Tensor]:
        """What a segment reads that is made outside it."""
        read = storages(tensor for i in range(part.start, part.end) for tensor in self[i].reads)
        return {key: t for key, t in read.items() if not part.start <= self.made.get(key, -1) < part.end}

    def times(self, key: int, index: int) -> Count:
        """How often a tensor that operation ``index`` keeps stands: once per run of the inner spans that make it."""
        times: Count = 1
        for span in self.inner:
            made = span.start <= self.made.get(key, -1) < span.end or key == id(span.carried.storage)
            if span.start <= index < span.end and made:
                times = times * span.count
        return times

    def earlier_runs(self, span: Span) -> list[tuple[Tensor, Count]]:
        """What all runs of an inner span but one keep, runs within it included."""
        if any(other is not span and other.start <= span.start and span.end <= other.end for other in self.inner):
            return []
        own = {key: t for i in range(span.start, span.end) for key, t in self.stays(i).items() if key in self.kept}
        mine = [(t, self.kept[key][1]) for key, t in own.items() if self.first_kept[key] >= span.start]
        return [(t, times - 1) for t, times in mine if type(times) is not int or times > 1]

    def forward(self) -> Iterable[Moment]:
        """The forward pass: what is allocated, and what is freed after its last reader."""
        yield from self.run(self.places, Direction.FORWARD, set(self.kept) | set(self.cached), {})

    @property
    def cached(self) -> dict[int, tuple[Tensor, Count]]:
        """What stands until the whole forward pass ends although it is not kept: of what is recomputed."""
        found = {(key, i): t for i in self.places for key, t in storages(self[i].cached).items()}
        return {key: (t, self.times(key, i)) for (key, i), t in found.items() if key not in self.kept}

    def run(
        self, places: Sequence[int], direction: Direction, keep: set[int], held: dict[int, Tensor]
    ) -> Iterable[Moment]:
        """Operations forward: all that is not to be kept goes after its last reader. ``held`` stands already."""
        found = {i: storages((*self[i].reads, *self[i].makes)) for i in places}
        last = {key: i for i, tensors in found.items() for key in tensors}
        standing = set(held)
        for i in places:
            operation = self[i]
            touched = {key: tensor for key, tensor in found[i].items() if not self.given(key)}
            added: Standing = [(t, 1) for key, t in touched.items() if key not in standing]
            standing |= set(touched)
            for span in self.inner if direction is Direction.FORWARD else []:
                if span.start == i:
                    added += self.earlier_runs(span)
            scratch: Standing = [(t, 1) for t in operation.scratch]
            gone = [key for key in touched if last[key] == i and key not in keep and key not in held]
            standing -= set(gone)
            freed = [(touched[key], 1) for key in gone]
            yield Moment(operation, direction, (*added, *scratch), (*freed, *scratch))

    def backward(self) -> Iterable[Moment]:
        """The backward pass: gradients come with what makes them, kept tensors go with their last user."""
        held = {key: tensor for key, (tensor, _) in (self.kept | self.away).items()}
        result = self[self.piece.end - 1].makes[0].storage
        gradients = Gradients()
        received = gradients.receive(result) if self.piece.tape.needs(result) else []
        start: Standing = [*self.kept.values(), *self.away.values(), *received]
        done: set[int] = set()
        for i in reversed(self.places):
            operation = self[i]
            for part in self.needed(operation, i, held):
                if part.start not in done:
                    done.add(part.start)
                    for moment in self.recompute(part, held):
                        yield _with(moment, start)
                        start = []
            moment = self.step(operation, i, gradients, held)
            yield _with(moment, start)
            start = []

    def needed(self, operation: Operation, index: int, held: dict[int, Tensor]) -> list[Again]:
        """Segments to run again before an operation's backward pass."""
        parts = [self.dropped[key] for key in storages(operation.keeps) if key in self.dropped and key not in held]
        own = self.covering(index)
        return [*parts, *([own] if own else [])]

    def recompute(self, part: Again, held: dict[int, Tensor]) -> Iterable[Moment]:
        """Run a segment again, now keeping what its operations keep, and what was dropped of it."""
        places = range(part.start, part.end)
        found = {key: t for i in places for key, t in storages((*self[i].keeps, *self[i].makes)).items()}
        own = {key: t for key, t in found.items() if not self.given(key)}
        inside = {k for i in places for k in storages(self[i].keeps)}
        keep = {key for key in own if key in inside or (self.dropped.get(key) == part and key in self.first_kept)}
        running = [i for i in places if i not in part.skips]
        yield from self.run(running, Direction.AGAIN, keep, held)
        held |= {key: own[key] for key in keep}
        for i in places:
            for key in storages(self[i].keeps):
                self.first_kept[key] = min(self.first_kept.get(key, i), i)

    def step(self, operation: Operation, index: int, gradients: Gradients, held: dict[int, Tensor]) -> Moment:
        """One operation backward."""
        scratch: Standing = [(t, 1) for t in operation.scratch_backward]
        if self.weight_gradients and operation.name == "matmul" and not operation.frozen:
            own = [weight for weight in operation.reads if isinstance(weight, Weight) and weight.trained]
            scratch += [(gradient_of_weight(weight, self.piece.tape), 1) for weight in own]
        given = {key for key in storages(operation.reads) if self.given(key)}
        for key in storages(operation.shares_gradient).keys() & storages(operation.keeps).keys() & held.keys():
            gradients.take(key, held.pop(key))
        self.halves.between(operation, index, gradients)
        added, sums = gradients.of_inputs(operation, given)
        scratch += sums
        freed = gradients.release(operation)
        for key in [*storages(operation.keeps), *self.left_of(index)]:
            if key in held and self.first_kept.get(key) == index:
                freed.append((held.pop(key), 1))
        for span in self.inner:
            if span.start == index:
                freed += self.earlier_runs(span)
        return Moment(operation, Direction.BACKWARD, (*added, *scratch), (*freed, *scratch))

    def stays(self, index: int) -> dict[int, Tensor]:
        """What an operation would leave for the backward pass: what it keeps, or what stays of it if it runs again."""
        return self.left_of(index) if self.covering(index) else storages(self[index].keeps)

    def left_of(self, index: int) -> dict[int, Tensor]:
        """What stays of a recomputed operation: the inputs of the segment that it starts, and what it saves."""
        part = self.covering(index)
        found = self.inputs(part) if part and part.start == index else {}
        return found | storages(self[index].makes) if part and index in part.saves else found


def _with(moment: Moment, start: Standing) -> Moment:
    if not start:
        return moment
    return Moment(moment.operation, moment.direction, (*start, *moment.added), moment.freed)
