"""Linear projection."""

from __future__ import annotations

from weighbridge.nn import ops
from weighbridge.nn.module import Module
from weighbridge.tape import Dimension, Tensor, Weight


class Linear(Module):
    """``y = x W^T + b``, stored as PyTorch's ``nn.Linear``: weight (out, in), bias (out).

    Attributes:
        columns: the input dimension.
        out: the output dimension.
        bias: add a bias.
    """

    columns: Dimension
    out: Dimension
    bias: bool = False

    @property
    def joins(self) -> bool:
        """Whether it has an adapter that one function runs with it, where the framework has such a function."""
        return False

    def build(self) -> None:
        self.weight = Weight((self.out, self.columns))
        if self.bias:
            self.offset = Weight((self.out,))

    def forward(self, x: Tensor) -> Tensor:
        return ops.matmul(ops.lowered(x), self.columns, self.out, tuple(self.weights.values()))
