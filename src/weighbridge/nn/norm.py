"""Normalisations."""

from __future__ import annotations

from typing import ClassVar

from weighbridge.arithmetic import Count
from weighbridge.nn import ops
from weighbridge.nn.module import Module
from weighbridge.tape import Axis, Tensor, Weight
from weighbridge.tree import Kind


class RMSNorm(Module):
    """Root-mean-square normalisation: a weight, no bias (Zhang and Sennrich 2019, eq. 4).

    Attributes:
        size: elements of the normalised axis.
        axis: the axis's name.
    """

    kind = Kind.NORM
    source: ClassVar[str] = "Zhang and Sennrich 2019, eq. 4"

    size: Count
    axis: str = "hidden"

    def symbol_of(self, field: str) -> str:
        return f"{self.axis}_size" if field == "size" else field

    def build(self) -> None:
        self.weight = Weight((Axis(self.axis, self.size),))

    def forward(self, x: Tensor) -> Tensor:
        return ops.elementwise("norm", x, keeps=(x,), weights=tuple(self.weights.values()))


class LayerNorm(RMSNorm):
    """Layer normalisation: a weight and a bias (Ba, Kiros and Hinton 2016)."""

    source: ClassVar[str] = "Ba, Kiros and Hinton 2016"

    def build(self) -> None:
        super().build()
        self.offset = Weight((Axis(self.axis, self.size),))


class GatedRMSNorm(RMSNorm):
    """RMSNorm of a value that a gate multiplies, as Mamba 2 and gated delta net end with (Dao and Gu 2024, fig. 6)."""

    source: ClassVar[str] = "Dao and Gu 2024, fig. 6"

    def forward(self, x: Tensor, gate: Tensor) -> Tensor:  # type: ignore[override]
        return ops.elementwise("gated norm", x, gate, keeps=(x, gate), weights=tuple(self.weights.values()))


class CountedNorm(RMSNorm):
    """An RMSNorm of which Megatron-LM's FLOPs formula counts one multiply-add per element: those of latent attention's
    bottlenecks and of multi-token prediction (megatron/training/training.py, num_floating_point_operations).
    """

    def forward(self, x: Tensor) -> Tensor:
        made = x.tape.tensor("norm", *x.axes)
        counted = {"megatron": ops.twice(2 * x.rows * self.size)}
        x.tape.record("norm", (x, *self.weights.values()), (made,), (x,), counted=counted)
        return made
