"""How long a piece of the model takes on one rank: forward, again, and the two halves of its backward pass."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from weighbridge.arithmetic import Count
from weighbridge.estimate.memory.activations import Weighed
from weighbridge.estimate.time.operations import Timer
from weighbridge.estimate.time.shapes import Projection, joined
from weighbridge.estimate.time.work import NOTHING, Doing, Passes, together
from weighbridge.replay import Direction
from weighbridge.tape import Operation
from weighbridge.traced import plain


@dataclass(frozen=True, eq=False)
class PieceTime:
    """One run of a piece.

    Attributes:
        timer: times its operations.
        weighed: the piece.
    """

    timer: Timer
    weighed: Weighed

    @cached_property
    def passes(self) -> list[tuple[frozenset[int], Passes, Count]]:
        """Its operations in order, by their ids, with how often each runs in one run of the piece."""
        piece = self.weighed.piece
        times = {id(operation): 1 for operation in piece.operations}
        for span in piece.tape.spans:
            if span.module is not piece.module and piece.start <= span.start and span.end <= piece.end:
                for operation in piece.tape.operations[span.start : span.end]:
                    times[id(operation)] *= int(plain(span.count))
        parts = joined(self.timer.training, piece.operations)
        return [(_ids(part), self.timer.passes(part), times[next(iter(_ids(part)))]) for part in parts]

    @cached_property
    def forward(self) -> Doing:
        """Its forward pass."""
        return together(_often(own.forward, n) for _, own, n in self.passes)

    @cached_property
    def again(self) -> Doing:
        """What of the forward pass runs again before the backward pass."""
        replay = self.weighed.replay
        ran = {id(moment.operation) for moment in replay.backward if moment.direction is Direction.AGAIN}
        return together(_often(own.forward, n) for ids, own, n in self.passes if ids & ran)

    @cached_property
    def inputs(self) -> Doing:
        """The half of the backward pass that gives gradients of inputs."""
        return together(_often(own.inputs, n) for _, own, n in reversed(self.passes))

    @cached_property
    def weights(self) -> Doing:
        """The half that gives gradients of weights."""
        return together(_often(own.weights, n) for _, own, n in reversed(self.passes))


def _ids(part: Projection | Operation) -> frozenset[int]:
    operations = part.operations if isinstance(part, Projection) else (part,)
    return frozenset(id(operation) for operation in operations)


def _often(doing: Doing, times: Count) -> Doing:
    return doing if times == 1 else NOTHING if not times else Doing(doing.kernels * times, doing.messages * times)
