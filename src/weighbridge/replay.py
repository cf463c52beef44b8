"""Replay of a tape: which activations are live at every operation, forward and then backward, and where most are.

A tensor is allocated by the operation that makes it and freed after the last that reads it. One that an operation keeps
for the backward pass stays until the backward pass of the first such operation is done. Gradients of activations live
from the operation whose backward pass makes them to the one that made the activation. Equal layers are replayed once:
earlier runs of a span leave what they keep, and nothing else.

Weights, their gradients and optimizer states are not on the tape; allocators and kernels' workspaces come on top.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from weighbridge.arithmetic import Count, maximum, total
from weighbridge.tape import Operation, Span, Tape, Tensor


@dataclass(frozen=True)
class Moment:
    """Live activations while one operation runs.

    Attributes:
        operation: what runs.
        backward: its backward pass, or its forward pass.
        live: bytes of activations and their gradients.
    """

    operation: Operation
    backward: bool
    live: Count


@dataclass(frozen=True)
class Replay:
    """The whole pass.

    Attributes:
        kept: bytes that stand between forward and backward.
        moments: every operation of the forward pass, then of the backward pass; of equal layers the run with most live.
    """

    kept: Count
    moments: tuple[Moment, ...]

    @property
    def peak(self) -> Count:
        """The most bytes live at any moment."""
        highest: Count = 0
        for moment in self.moments:
            highest = maximum(highest, moment.live)
        return highest

    @property
    def peak_at(self) -> Moment:
        """The first moment with the most bytes live; for integers only."""
        return max(self.moments, key=lambda moment: moment.live)


def storages(tensors: Iterable[object]) -> dict[int, Tensor]:
    """The distinct storages of tensors, weights left out."""
    return {id(t.storage): t.storage for t in tensors if isinstance(t, Tensor)}


def kept(tape: Tape) -> list[tuple[Tensor, Count]]:
    """The distinct tensors that operations keep for the backward pass, and how often each stands (once per layer)."""
    found: dict[tuple[int, int], tuple[Tensor, Count]] = {}
    for index, operation in enumerate(tape.operations):
        span = _span_at(tape, index)
        for key, tensor in storages(operation.keeps).items():
            repeats = span is not None and (tensor is span.carried.storage or _made_inside(tape, span, tensor))
            found.setdefault(
                (key, span.start if repeats and span else -1), (tensor, span.count if repeats and span else 1)
            )
    return list(found.values())


def _span_at(tape: Tape, index: int) -> Span | None:
    return next((span for span in tape.spans if span.start <= index < span.end), None)


def _made_inside(tape: Tape, span: Span, tensor: Tensor) -> bool:
    return any(id(tensor) in storages(o.makes) for o in tape.operations[span.start : span.end])


def replay(tape: Tape) -> Replay:
    """Replay a tape forward and backward.

    Raises:
        ValueError: for runs within runs, of which it cannot tell what stands between them.
    """
    for span in tape.spans:
        if any(other is not span and span.start <= other.start and other.end <= span.end for other in tape.spans):
            raise ValueError("replay: a repeated module that repeats another is not covered; write the inner one out")
    standing = kept(tape)
    forward = _Forward(tape, {id(tensor) for tensor, _ in standing})
    moments = list(forward.run())
    between = total(count * tensor.bytes for tensor, count in standing)
    moments += _backward(tape, between)
    return Replay(between, tuple(moments))


def _earlier_runs(span: Span, tape: Tape) -> Count:
    """Bytes that all runs of a span but one keep."""
    inside = {key: t for o in tape.operations[span.start : span.end] for key, t in storages(o.keeps).items()}
    own = [t for t in inside.values() if t is span.carried.storage or _made_inside(tape, span, t)]
    return (span.count - 1) * total(tensor.bytes for tensor in own)


class _Forward:
    """The forward pass: what is allocated, and what is freed after its last reader."""

    def __init__(self, tape: Tape, keep: set[int]) -> None:
        self.tape, self.keep = tape, keep
        self.last = {key: i for i, o in enumerate(tape.operations) for key in storages((*o.reads, *o.makes))}

    def run(self) -> Iterator[Moment]:
        live: Count = 0
        held: dict[int, Tensor] = {}
        for index, operation in enumerate(self.tape.operations):
            for span in self.tape.spans:
                if span.start == index:
                    live = live + _earlier_runs(span, self.tape)
            for key, tensor in storages((*operation.reads, *operation.makes)).items():
                if key not in held:
                    held[key] = tensor
                    live = live + tensor.bytes
            yield Moment(operation, False, live)
            for key in [key for key in held if self.last[key] == index and key not in self.keep]:
                live = live - held[key].bytes
                del held[key]


def _backward(tape: Tape, between: Count) -> Iterator[Moment]:
    """The backward pass: gradients appear with the operation that makes them, kept tensors go with their last user."""
    live, gradients = between, dict[int, Tensor]()
    released: set[int] = set()
    for index in range(len(tape.operations) - 1, -1, -1):
        operation = tape.operations[index]
        for key, tensor in storages((*operation.makes, *operation.reads)).items():
            if key not in gradients and tensor.dtype.differentiable:
                gradients[key] = tensor
                live = live + tensor.bytes
        yield Moment(operation, True, live)
        for key in storages(operation.makes):
            if key in gradients:
                live = live - gradients.pop(key).bytes
        earlier = {key for o in tape.operations[:index] for key in storages(o.keeps)}
        for key, tensor in storages(operation.keeps).items():
            if key not in earlier and key not in released:
                released.add(key)
                live = live - tensor.bytes
        for span in tape.spans:
            if span.start == index:
                live = live - _earlier_runs(span, tape)
