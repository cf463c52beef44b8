"""What stands between the halves of a split backward pass: that for the input, and, later, that for the weights.

A multiply leaves its input and the gradient of its result; all else is gone when the first half is done
(sail-sg/zero-bubble-pipeline-parallelism, megatron/core/zbpp_utils.py, WeightGradStore, and tensor_parallel/layers.py;
Transformer Engine, pytorch/module/_common.py, WeightGradStore). Where autograd's graph is kept for the second half,
nodes refer to those before them, so that all that is kept up to the last weight stays, and the gradient of the result
of every operation that has one comes to it (torch/distributed/pipelining/_backward.py, stage_backward_input).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from weighbridge.arithmetic import Count
from weighbridge.gradients import Gradients, gradient_of, storages
from weighbridge.tape import Operation, Tensor, Weight


class Halves:
    """The bookkeeping of one piece.

    Attributes:
        pending: what stands between the halves.
    """

    def __init__(
        self,
        given: Callable[[int], bool],
        times: Callable[[int, int], Count],
        graph: Mapping[int, tuple[Tensor, Count]] | None,
    ) -> None:
        """
        Args:
            given: whether a tensor stands outside the piece.
            times: how often a tensor that an operation leaves stands.
            graph: what stays with autograd's graph; ``None`` where that is freed.
        """
        self.pending = dict(graph or {})
        self._given, self._times, self._graph = given, times, graph is not None
        self._sums: dict[int, Tensor] = {}

    def between(self, operation: Operation, index: int, gradients: Gradients) -> None:
        """Note what an operation leaves, before its backward pass adds to gradients. One that waits is not added to in
        its place (torch/csrc/autograd/input_buffer.cpp, can_accumulate_inplace).
        """
        shared = storages(operation.shares_gradient)
        for key, tensor in storages(operation.reads).items():
            buffer = gradients.buffers.get(key)
            if buffer is not None and key not in shared and id(self._current(buffer)) in self.pending:
                self._sums[id(buffer)] = gradient_of(tensor)
        result = id(operation.makes[0].storage)
        if not self._weighs(operation) or result not in gradients.buffers:
            return
        gradient = self._current(gradients.buffers[result])
        self.pending.setdefault(id(gradient), (gradient, self._times(result, index)))
        kept = {} if self._graph else storages(operation.keeps)
        for key, tensor in storages(operation.reads).items():
            if key in kept and not self._given(key):
                self.pending.setdefault(key, (tensor, self._times(key, index)))

    def _weighs(self, operation: Operation) -> bool:
        """Whether gradients of weights are left to the second half."""
        trained = any(isinstance(weight, Weight) and weight.trained for weight in operation.reads)
        return trained and (self._graph or operation.name == "matmul")

    def _current(self, buffer: Tensor) -> Tensor:
        """Where a gradient stands after what waits was not added to."""
        return self._sums.get(id(buffer), buffer)
