"""xIELU: an activation whose slopes on both sides are learned."""

from __future__ import annotations

from typing import ClassVar

from weighbridge.kernels import Pointwise
from weighbridge.nn import ops
from weighbridge.nn.mlp import MLP
from weighbridge.nn.module import Module
from weighbridge.tape import Axis, Tensor, Weight


class XIELU(Module):
    """A parabola above zero and an exponential below, with a learned factor each (Huang and Schlag 2024)."""

    note: ClassVar[str] = "two learned factors"
    source: ClassVar[str] = "Huang and Schlag 2024 (xIELU)"

    def build(self) -> None:
        self.positive = Weight((Axis("one", 1),))
        self.negative = Weight((Axis("one", 1),))

    def forward(self, x: Tensor) -> Tensor:
        """One kernel keeps its input. Operation by operation (transformers, activations.py, XIELUActivation) four more
        are kept: the scaled input, the exponential, what is left of it, and where the input is above zero; and of one
        element each both factors, as they are used.
        """
        tape, weights = x.tape, (self.positive, self.negative)
        if tape.run.kernels.pointwise is Pointwise.FUSED:
            return ops.elementwise("xielu", x, keeps=(x,), weights=weights)
        steps = [tape.tensor(name, *x.axes, dtype=x.dtype) for name in ("scaled", "exponential", "below zero")]
        steps.append(tape.tensor("above zero", *x.axes, dtype=ops.MASK))
        single = ("factor above zero", "factor below zero")
        steps += [tape.tensor(name, Axis("one", 1), dtype=x.dtype) for name in single]
        return ops.elementwise("xielu", x, keeps=(x, *steps), weights=weights, makes=tuple(steps))


class XIELUMLP(MLP):
    """Two projections with xIELU between them (Apertus)."""

    title = "mlp"
    note: ClassVar[str] = "two projections: up, down; xIELU between them"

    activation: str = "xielu"

    def build(self) -> None:
        super().build()
        self.xielu = XIELU()

    def activated(self, up: Tensor) -> Tensor:
        return self.xielu(up)
