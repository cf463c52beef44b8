"""Gradients of activations in a replay: when they are allocated, which share memory, when they go."""

from __future__ import annotations

from collections.abc import Iterable

from weighbridge.arithmetic import Count
from weighbridge.tape import Operation, Tape, Tensor, Use, Weight

Standing = list[tuple[Tensor, Count]]
"""Tensors and how often each stands."""


def storages(tensors: Iterable[object]) -> dict[int, Tensor]:
    """The distinct storages of tensors, weights left out."""
    return {id(t.storage): t.storage for t in tensors if isinstance(t, Tensor)}


def gradient_of_weight(weight: Weight, tape: Tape) -> Tensor:
    """The gradient of a weight, before it is added to its buffer."""
    return Tensor("weight gradient", weight.axes, tape.dtype, tape.reference, None, Use.WORKSPACE)


def gradient_of(tensor: Tensor) -> Tensor:
    """The gradient of an activation."""
    return Tensor(f"gradient of {tensor.name}", tensor.axes, tensor.dtype, tensor.owner, None, tensor.use)


class Gradients:
    """Gradients of activations by what they are of. Several may look into one buffer."""

    def __init__(self) -> None:
        self.buffers: dict[int, Tensor] = {}
        self.users: dict[int, int] = {}

    def receive(self, tensor: Tensor) -> Standing:
        """A new gradient of a tensor."""
        made = gradient_of(tensor)
        self.buffers[id(tensor)], self.users[id(made)] = made, 1
        return [(made, 1)]

    def take(self, key: int, kept: Tensor) -> None:
        """Let a gradient take the place of a kept tensor, in its memory."""
        self.buffers[key], self.users[id(kept)] = kept, 1

    def of_inputs(self, operation: Operation, given: set[int]) -> tuple[Standing, Standing]:
        """What an operation's backward pass allocates for the gradients of what it read: those that stay, and those
        that are added to one that is there already.
        """
        added: Standing = []
        sums: Standing = []
        if operation.frozen:
            return added, sums
        shared = storages(operation.shares_gradient)
        own = self.buffers.get(id(operation.makes[0].storage)) if operation.makes else None
        for key, tensor in storages(operation.reads).items():
            if not tensor.dtype.differentiable or key in given or not tensor.tape.needs(tensor):
                continue
            if key in self.buffers:
                sums += [] if key in shared else [(gradient_of(tensor), 1)]
            elif key in shared and own is not None:
                self.buffers[key] = own
                self.users[id(own)] += 1
            else:
                added += self.receive(tensor)
        return added, sums

    def release(self, operation: Operation) -> Standing:
        """What goes when an operation's backward pass is done: the gradients of what it made."""
        freed: Standing = []
        for key in storages(operation.makes):
            buffer = self.buffers.pop(key, None)
            if buffer is not None:
                self.users[id(buffer)] -= 1
                if not self.users[id(buffer)]:
                    freed.append((buffer, 1))
        return freed
