"""Kernels of the cross-entropy, by the bytes that each variant moves per logit."""

from __future__ import annotations

from weighbridge.arithmetic import Count
from weighbridge.estimate.time import messages
from weighbridge.estimate.time.clock import Clock
from weighbridge.estimate.time.launches import IN_PLACE
from weighbridge.estimate.time.shapes import kind_of
from weighbridge.estimate.time.work import Doing, Kernel, Passes
from weighbridge.estimate.training import Training
from weighbridge.kernels import Loss
from weighbridge.tape import Operation, Tensor, Weight
from weighbridge.tree import Kind

MOVED: dict[Loss, dict[str, tuple[int, int]]] = {
    Loss.VOCABULARY_PARALLEL: {"cross-entropy": (6 + 4 + 8 + 8 + 4 + 8, 8 + 8 + 6)},
    Loss.NATIVE: {"cross-entropy": (2 + 6 + 6, 8 + 6)},
    Loss.IN_PLACE: {"cross-entropy": (2 + 4, 4)},
    Loss.EAGER: {"to fp32": (6, 6), "log softmax": (4 + 8, 12), "negative log-likelihood": (0, 4)},
    Loss.SHARED: {"to fp32": (6, 6), "log softmax": (4 + 8 + 8 + 4 + 8, 12), "negative log-likelihood": (0, 4)},
    Loss.COMPILED: {"cross-entropy": (2 + 2, 2 + 2)},
    Loss.NARROW: {"to fp32": (4, 4), "log softmax": (2 + 4, 6), "negative log-likelihood": (0, 2)},
    Loss.PARTS: {"cross-entropy": (2 + 4, 6 + 2)},
    Loss.WIDE_PARTS: {"cross-entropy": (6 + 4 + 8, 4 + 12 + 6)},
    Loss.COMPILED_PARTS: {"cross-entropy": (2 + 2, 2 + 2)},
    Loss.FUSED_PARTS: {"head and loss": (2 + 2 + 2 + 2, 0)},
}
"""Bytes per logit, forward and backward, of 16-bit logits and fp32 results: one sum per kernel. Vocabulary parallel:
to fp32, maximum, less the maximum, exponentials, their sum, divided by it; the gradient copied, scaled, to 16 bits
(megatron/core/tensor_parallel/cross_entropy.py). Native: the same in three compiled kernels. In place: one that reads
twice and writes once, one that scales (transformer_engine/pytorch/triton/cross_entropy.py). Eager: to fp32, log-softmax
(two reads, one write), the gradient of the loss, of the log-softmax, to 16 bits. Shared: each step by itself.
Compiled: two passes over the logits forward, one read and one write backward."""

KERNELS = {Loss.VOCABULARY_PARALLEL: (12, 4), Loss.SHARED: (8, 3)}
"""Kernels that the host launches, forward and backward, where more than one per operation."""


def cross_entropy(training: Training, clock: Clock, operation: Operation) -> Passes:
    """One operation of the loss."""
    if operation.name == "head and loss":
        return _chunked(training, clock, operation)
    loss, kind = training.kernels.loss, kind_of(operation)
    forward, backward = MOVED[loss].get(operation.name, (0, 0))
    logits = _logits(training, operation)
    launches = KERNELS.get(loss, (1, 1)) if operation.name != "negative log-likelihood" else (1, 1)
    slower = IN_PLACE if loss is Loss.IN_PLACE else 1
    there = _kernel(clock, operation, kind, slower * forward * logits, launches[0])
    back = _kernel(clock, operation, kind, slower * backward * logits, launches[1])
    sent = messages.of_loss(training, clock, operation)
    return Passes(Doing(there, sent), Doing(back))


def _kernel(clock: Clock, operation: Operation, kind: Kind, moved: Count | float, launches: int) -> tuple[Kernel, ...]:
    return (clock.stream(operation.name, kind, moved, launches),)


def _logits(training: Training, operation: Operation) -> Count:
    """A rank's logits."""
    read = operation.reads[0]
    assert isinstance(read, Tensor)
    return training.plan.sharding.count(read)


def _chunked(training: Training, clock: Clock, operation: Operation) -> Passes:
    """Head and loss by parts: the multiply, the eager loss, and both gradients, all in the forward pass."""
    kind, plan = kind_of(operation), training.plan
    x, weight = operation.reads[0], operation.reads[1]
    assert isinstance(x, Tensor)
    depth = plan.sharding.local(x.axes[-1])
    rows = training.size(x) // (x.dtype.bits // 8 * depth)
    columns = plan.sharding.local(weight.axes[0])
    precision = plan.precision.compute.name
    multiplies = [
        clock.multiply("head", kind, rows, columns, depth, precision),
        clock.multiply("head", kind, rows, depth, columns, precision),
    ]
    if isinstance(weight, Weight) and weight.trained:
        multiplies.append(clock.multiply("head", kind, columns, depth, rows, precision))
    how = Loss.FUSED_PARTS if training.kernels.loss is Loss.FUSED_PARTS else Loss.EAGER
    moved = sum(sum(both) for both in MOVED[how].values())
    return Passes(Doing((*multiplies, clock.stream("loss", kind, moved * rows * columns, 8))))
