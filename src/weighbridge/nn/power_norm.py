"""RMSNorm as Gemma 3n and 4 compute it: a power of the mean square, and the weight in fp32."""

from __future__ import annotations

from typing import ClassVar

from weighbridge.nn.norm import RMSNorm
from weighbridge.tape import Tensor
from weighbridge.units import FP32


class PowerRMSNorm(RMSNorm):
    """Root-mean-square normalisation whose root is a power, and whose weight multiplies before the result takes the
    type of the input (transformers, models/gemma3n/modeling_gemma3n.py, Gemma3nRMSNorm).
    """

    def eager(self, x: Tensor) -> Tensor:
        """Operation by operation in fp32. The mean square is kept, and a copy of the weight in fp32 if it has less."""
        tape, wide, rows = x.tape, x, x.axes[:-1]
        if x.dtype is not FP32:
            wide = tape.tensor("norm input in fp32", *x.axes, dtype=FP32)
            tape.record("to fp32", (x,), (wide,))
        square, root = (tape.tensor(name, *rows, dtype=FP32) for name in ("mean square", "1 / root mean square"))
        tape.record("mean square", (wide,), (square,), (wide,))
        tape.record("power", (square,), (root,), (square,))
        made = tape.tensor("normalised in fp32", *x.axes, dtype=FP32)
        tape.record("multiply", (wide, root), (made,), (wide, root))
        if self.weighted:
            scaled, copy = tape.tensor("norm in fp32", *x.axes, dtype=FP32), self.copy(x)
            tape.record("norm", (made, *self.weights.values()), (scaled, *copy), (made, *copy))
            made = scaled
        if x.dtype is FP32:
            return made
        rounded = tape.tensor("norm", *x.axes, dtype=x.dtype)
        tape.record("cast", (made,), (rounded,))
        return rounded

    def copy(self, x: Tensor) -> tuple[Tensor, ...]:
        """The weight in fp32, where it is stored in less."""
        return () if x.dtype is FP32 else (x.tape.tensor("weight in fp32", *self.axes, dtype=FP32),)


class PlainPowerRMSNorm(PowerRMSNorm):
    """The same without a weight: norms of values and of what routers read."""

    weighted: ClassVar[bool] = False
