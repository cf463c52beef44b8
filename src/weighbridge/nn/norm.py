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
from weighbridge.units import FP32, DataType


class RMSNorm(Module):
    """Root-mean-square normalisation: a weight, no bias (Zhang and Sennrich 2019, eq. 4).

    Attributes:
        size: elements of the normalised axis.
        axis: the axis's name.
        copies: heads that have a weight each; ``None`` for one weight.
        heads: the name of those heads' axis.
    """

    kind = Kind.NORM
    source: ClassVar[str] = "Zhang and Sennrich 2019, eq. 4"

    statistics: ClassVar[tuple[str, ...]] = ("root mean square",)
    weighted: ClassVar[bool] = True

    size: Count
    axis: str = "hidden"
    copies: Count | None = None
    heads: str = "heads"

    def symbol_of(self, field: str) -> str:
        return f"{self.axis}_size" if field == "size" else field

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The dimensions of its weight."""
        own = Axis(self.axis, self.size)
        return (own,) if self.copies is None else (Axis(self.heads, self.copies), own)

    def build(self) -> None:
        if self.weighted:
            self.weight = Weight(self.axes)

    @property
    def trained(self) -> bool:
        """Whether a gradient of its weight is computed."""
        return any(weight.trained for weight in self.weights.values())

    def forward(self, x: Tensor) -> Tensor:
        if x.tape.run.kernels.norm is NormKernel.EAGER:
            return self.eager(x)
        return self.fused(x)

    def fused(self, x: Tensor, counted: Mapping[str, Work] | None = None, besides: tuple[Tensor, ...] = ()) -> Tensor:
        """One kernel, which keeps its input and the statistics of every row in fp32, and what else it is given."""
        made = x.tape.tensor("norm", *x.axes, dtype=x.dtype)
        rows = [x.tape.tensor(name, *x.axes[:-1], dtype=FP32) for name in self.statistics]
        x.tape.record("norm", (x, *self.weights.values()), (made, *rows), (x, *rows, *besides), counted=counted)
        return made

    def eager(self, x: Tensor) -> Tensor:
        """Operation by operation in fp32 (transformers, models/llama/modeling_llama.py, LlamaRMSNorm)."""
        return self.scaled(self.standardised(x), x)

    def standardised(self, x: Tensor) -> Tensor:
        """Every row divided by its root mean square, in fp32."""
        tape, wide = x.tape, x
        if x.dtype is not FP32:
            wide = tape.tensor("norm input in fp32", *x.axes, dtype=FP32)
            tape.record("to fp32", (x,), (wide,))
        root = tape.tensor("1 / root mean square", *x.axes[:-1], dtype=FP32)
        tape.record("root mean square", (wide,), (root,), (wide, root))
        scaled = tape.tensor("normalised in fp32", *x.axes, dtype=FP32)
        tape.record("multiply", (wide, root), (scaled,), (wide, root))
        return scaled

    def scaled(self, made: Tensor, x: Tensor) -> Tensor:
        """Standardised rows in the type of ``x``, then times the weight."""
        tape, scaled = x.tape, made
        if x.dtype is not FP32:
            scaled = tape.tensor("normalised", *x.axes)
            tape.record("cast", (made,), (scaled,))
        if not self.weighted:
            return scaled
        made = tape.tensor("norm", *x.axes, dtype=x.dtype)
        tape.record("norm", (scaled, *self.weights.values()), (made,), (scaled,) if self.trained else ())
        return made


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


class WideRMSNorm(RMSNorm):
    """An RMSNorm whose weight multiplies in fp32, before the result takes the type of the input (OLMo 2)."""

    def scaled(self, made: Tensor, x: Tensor) -> Tensor:
        return self.rounded(made, x)

    def rounded(self, made: Tensor, x: Tensor, *copies: Tensor) -> Tensor:
        """Standardised rows times the weight, or a copy of it, and then in the type of ``x``."""
        tape, product = x.tape, x.tape.tensor("norm in fp32", *x.axes, dtype=FP32)
        keeps = (made, *copies) if self.trained else copies
        tape.record("norm", (made, *self.weights.values()), (product, *copies), keeps)
        if x.dtype is FP32:
            return product
        rounded = tape.tensor("norm", *x.axes, dtype=x.dtype)
        tape.record("cast", (product,), (rounded,))
        return rounded

    def copy(self, x: Tensor, name: str, dtype: DataType | None = None) -> Tensor:
        """A copy of the weight."""
        return x.tape.tensor(name, *self.axes, dtype=dtype)


class OffsetRMSNorm(WideRMSNorm):
    """The same with a weight that is stored less 1, so that a sum in fp32 is what multiplies (Gemma)."""

    def scaled(self, made: Tensor, x: Tensor) -> Tensor:
        return self.rounded(made, x, self.copy(x, "1 + weight", FP32))


class WideLayerNorm(WideRMSNorm):
    """Layer normalisation with a weight only, written out in fp32 (transformers, models/cohere/modeling_cohere.py,
    CohereLayerNorm: what is less the mean is computed twice).
    """

    source: ClassVar[str] = "Ba, Kiros and Hinton 2016"
    statistics: ClassVar[tuple[str, ...]] = LayerNorm.statistics

    def standardised(self, x: Tensor) -> Tensor:
        tape, rows = x.tape, x.axes[:-1]
        first, second, made = (tape.tensor(name, *x.axes, dtype=FP32) for name in ("centred", "centred again", "made"))
        root = tape.tensor("1 / deviation", *rows, dtype=FP32)
        tape.record("deviation", (x,), (first, root), (first, root))
        tape.record("centre", (x,), (second,))
        tape.record("multiply", (second, root), (made,), (second, root))
        return made

    def scaled(self, made: Tensor, x: Tensor) -> Tensor:
        copies = () if x.dtype is FP32 else (self.copy(x, "weight in fp32", FP32),)
        return self.rounded(made, x, *copies)


class PlainWideLayerNorm(PlainLayerNorm):
    """Layer normalisation without weight and bias of a copy in fp32 (OLMo 1)."""

    statistics: ClassVar[tuple[str, ...]] = ("mean in fp32", "deviation in fp32")

    def forward(self, x: Tensor) -> Tensor:
        if x.tape.run.kernels.norm is not NormKernel.EAGER or x.dtype is FP32:
            return self.fused(x)
        wide, rounded = x.tape.tensor("norm input in fp32", *x.axes, dtype=FP32), x.tape.tensor("norm", *x.axes)
        x.tape.record("to fp32", (x,), (wide,))
        x.tape.record("cast", (self.fused(wide),), (rounded,))
        return rounded


class OffsetLayerNorm(LayerNorm):
    """Layer normalisation with a weight that is stored less 1, so that a sum is what multiplies (Nemotron)."""

    def forward(self, x: Tensor) -> Tensor:
        if x.tape.run.kernels.norm is not NormKernel.EAGER:
            return self.fused(x)
        total = x.tape.tensor("1 + weight", *self.axes)
        x.tape.record("add 1", tuple(self.weights.values()), (total,))
        return self.fused(x, besides=(total,))


class PlainRMSNorm(RMSNorm):
    """Root-mean-square normalisation without a weight (the L2 norm of Llama 4, the value norm of Gemma 3n)."""

    weighted: ClassVar[bool] = False


class FactorRMSNorm(PlainRMSNorm):
    """The same where the factor of each row alone is computed in fp32 (DeepSeek-V4, DeepseekV4UnweightedRMSNorm)."""

    def eager(self, x: Tensor) -> Tensor:
        return by_factors(x)


def by_factors(x: Tensor) -> Tensor:
    """Every row times a factor of its own, computed in fp32 of a copy, in the type of ``x``."""
    tape, wide = x.tape, x if x.dtype is FP32 else ops.cast(x, "norm input in fp32", FP32)
    factors = tape.tensor("1 / root mean square", *x.axes[:-1], dtype=FP32)
    tape.record("root mean square", (wide,), (factors,), (wide, factors))
    if x.dtype is not FP32:
        factors = ops.cast(factors, "factors", x.dtype)
    return ops.elementwise("norm", x, factors, keeps=(x, factors))


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
        LayerNorm,
        LayerNormWithoutBias,
        PlainRMSNorm,
        PlainLayerNorm,
        WideRMSNorm,
        OffsetRMSNorm,
        WideLayerNorm,
    )
}
"""Normalisations by name, as fields of modules name them."""
