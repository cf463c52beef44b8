"""Normalisations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from weighbridge.arithmetic import Count
from weighbridge.kernels import Norm as NormKernel
from weighbridge.nn import ops
from weighbridge.nn.module import Module
from weighbridge.tape import Axis, Tensor, Weight, Work
from weighbridge.tree import Kind
from weighbridge.units import FP32


class RMSNorm(Module):
    """Root-mean-square normalisation: a weight, no bias (Zhang and Sennrich 2019, eq. 4).

    Attributes:
        size: elements of the normalised axis.
        axis: the axis's name.
        copies: heads that have a weight each; ``None`` for one weight.
    """

    kind = Kind.NORM
    source: ClassVar[str] = "Zhang and Sennrich 2019, eq. 4"

    statistics: ClassVar[tuple[str, ...]] = ("root mean square",)
    weighted: ClassVar[bool] = True

    size: Count
    axis: str = "hidden"
    copies: Count | None = None

    def symbol_of(self, field: str) -> str:
        return f"{self.axis}_size" if field == "size" else field

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The dimensions of its weight."""
        own = Axis(self.axis, self.size)
        return (own,) if self.copies is None else (Axis("heads", self.copies), own)

    def build(self) -> None:
        if self.weighted:
            self.weight = Weight(self.axes)

    def forward(self, x: Tensor) -> Tensor:
        if x.tape.run.kernels.norm is NormKernel.EAGER:
            return self.eager(x)
        return self.fused(x)

    def fused(self, x: Tensor, counted: Mapping[str, Work] | None = None) -> Tensor:
        """One kernel, which keeps its input and the statistics of every row in fp32."""
        made = x.tape.tensor("norm", *x.axes, dtype=x.dtype)
        rows = [x.tape.tensor(name, *x.axes[:-1], dtype=FP32) for name in self.statistics]
        x.tape.record("norm", (x, *self.weights.values()), (made, *rows), (x, *rows), counted=counted)
        return made

    def eager(self, x: Tensor) -> Tensor:
        """Operation by operation in fp32 (transformers, models/llama/modeling_llama.py, LlamaRMSNorm)."""
        tape, scaled = x.tape, self.in_fp32(x)
        if x.dtype is not FP32:
            scaled = ops.cast(scaled, "normalised", x.dtype)
        if not self.weighted:
            return scaled
        made = tape.tensor("norm", *x.axes, dtype=x.dtype)
        tape.record("norm", (scaled, *self.weights.values()), (made,), (scaled,))
        return made

    def in_fp32(self, x: Tensor) -> Tensor:
        """Normalised, not yet multiplied by the weight."""
        tape, wide = x.tape, x
        if x.dtype is not FP32:
            wide = tape.tensor("norm input in fp32", *x.axes, dtype=FP32)
            tape.record("to fp32", (x,), (wide,))
        root = tape.tensor("1 / root mean square", *x.axes[:-1], dtype=FP32)
        tape.record("root mean square", (wide,), (root,), (wide, root))
        scaled = tape.tensor("normalised in fp32", *x.axes, dtype=FP32)
        tape.record("multiply", (wide, root), (scaled,), (wide, root))
        return scaled


class WideRMSNorm(RMSNorm):
    """RMSNorm whose weight multiplies in fp32, before the result is cast (OLMo 2, gpt-oss)."""

    def eager(self, x: Tensor) -> Tensor:
        scaled = self.in_fp32(x)
        made = x.tape.tensor("norm in fp32", *x.axes, dtype=FP32)
        factors = self.factors(x)
        x.tape.record("norm", (scaled, *self.weights.values()), (made, *factors), (scaled, *factors))
        return made if x.dtype is FP32 else ops.cast(made, "norm", x.dtype)

    def factors(self, x: Tensor) -> tuple[Tensor, ...]:
        """What multiplies in place of the weight itself, if anything does."""
        return ()


class CentredRMSNorm(WideRMSNorm):
    """RMSNorm whose weight is the difference from one (Gemma, Qwen3-Next)."""

    def factors(self, x: Tensor) -> tuple[Tensor, ...]:
        return (x.tape.tensor("1 + weight", *self.axes, dtype=FP32),)


class LayerNorm(RMSNorm):
    """Layer normalisation: a weight and a bias (Ba, Kiros and Hinton 2016)."""

    source: ClassVar[str] = "Ba, Kiros and Hinton 2016"
    statistics: ClassVar[tuple[str, ...]] = ("mean", "deviation")
    shifted: ClassVar[bool] = True

    def build(self) -> None:
        super().build()
        if self.shifted:
            self.offset = Weight(self.axes)

    def forward(self, x: Tensor) -> Tensor:
        return self.fused(x)  # PyTorch's own is one kernel everywhere


class LayerNormWithoutBias(LayerNorm):
    """Layer normalisation with a weight only (MPT, Command R)."""

    shifted: ClassVar[bool] = False


class PlainLayerNorm(LayerNormWithoutBias):
    """Layer normalisation without weight and bias (OLMo 1)."""

    weighted: ClassVar[bool] = False


class PlainRMSNorm(RMSNorm):
    """Root-mean-square normalisation without a weight (the L2 norm of Llama 4, the value norm of Gemma 3n)."""

    weighted: ClassVar[bool] = False


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
        if x.tape.run.kernels.norm is NormKernel.EAGER:
            return self.eager(x)
        return self.fused(x, {"megatron": ops.twice(2 * x.rows * self.size)})


class CountedLayerNorm(LayerNorm):
    """The same with a bias: where Megatron-LM normalises layers so, it does the bottlenecks too."""

    def forward(self, x: Tensor) -> Tensor:
        return self.fused(x, {"megatron": ops.twice(2 * x.rows * self.size)})


NORMS: dict[str, type[RMSNorm]] = {
    norm.__name__: norm
    for norm in (
        RMSNorm,
        WideRMSNorm,
        CentredRMSNorm,
        LayerNorm,
        LayerNormWithoutBias,
        PlainRMSNorm,
        PlainLayerNorm,
    )
}
"""Normalisations by name, as fields of modules name them."""
