"""The pieces of a tape: what stands before the layers, each run of equal layers, what follows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from weighbridge.arithmetic import Count
from weighbridge.tape import Operation, Tape, Tensor


@dataclass(frozen=True, eq=False)
class Piece:
    """Operations that run one after another, ``count`` times.

    Attributes:
        tape: the record that they stand on.
        start: index of the first operation.
        end: index after the last.
        count: how often they run.
        module: what repeats; ``None`` for what stands between repeated modules.
        carried: the tensor that comes in, from the piece or the run before.
    """

    tape: Tape
    start: int
    end: int
    count: Count = 1
    module: Any = None
    carried: Tensor | None = None

    @property
    def operations(self) -> list[Operation]:
        """Its operations."""
        return self.tape.operations[self.start : self.end]


def pieces(tape: Tape) -> list[Piece]:
    """The pieces of a tape in order. Spans within spans belong to the piece of the outermost."""
    found, at = [], 0
    outer_first = list(reversed(tape.spans))  # of equal spans, the outer one is recorded last
    for span in sorted(outer_first, key=lambda span: (span.start, -span.end)):
        if span.start >= at:
            if span.start > at:
                found.append(Piece(tape, at, span.start, carried=_carried(tape, at)))
            found.append(Piece(tape, span.start, span.end, span.count, span.module, span.carried))
            at = span.end
    if at < len(tape.operations):
        found.append(Piece(tape, at, len(tape.operations), carried=_carried(tape, at)))
    return found


def _carried(tape: Tape, start: int) -> Tensor | None:
    """What the operation before makes."""
    return tape.operations[start - 1].makes[0] if start else None
