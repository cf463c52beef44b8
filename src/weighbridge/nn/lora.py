"""Low-rank adapters: a frozen projection beside two small ones that are trained."""

from __future__ import annotations

from typing import Any, ClassVar

from weighbridge.arithmetic import Count
from weighbridge.nn import ops
from weighbridge.nn.decoder import Head
from weighbridge.nn.linear import Linear
from weighbridge.nn.module import Module
from weighbridge.nn.moe import Router, SharedExpertGate
from weighbridge.tape import Axis, Dimension, Tensor, Use, Weight
from weighbridge.units import DataType


class Adapter(Module):
    """What adapters have in common: ``y = x W^T + s (x A^T) B^T`` with ``W`` frozen, ``A`` (rank, in) and ``B``
    (out, rank) trained (Hu et al. 2021, section 4.1). rsLoRA has another ``s`` and the same sizes (Kalajdzievski 2023).
    DoRA trains a length for each row of ``W + s B A`` besides (Liu et al. 2024, eq. 5).

    Attributes:
        rank: columns of ``B``, rows of ``A``.
        dora: a trained length per output.
        dropout: adapters are given their input with dropout.
        dtype: data type of the adapters; that of the other weights if ``None``.
        joined: projections that share a ``B`` of so many times the columns (gate and up of experts, which
            ``transformers`` 5 has in one tensor; PEFT, utils/transformers_weight_conversion.py).
        base: the frozen module.
    """

    source: ClassVar[str] = "Hu et al. 2021, section 4.1"

    rank: Count = 8
    dora: bool = False
    dropout: bool = False
    dtype: DataType | None = None
    joined: int = 1
    base: Module | None = None

    def sides(self) -> tuple[Dimension, Dimension]:
        """Axes of what the frozen module is given, and of what it makes."""
        raise NotImplementedError

    def build(self) -> None:
        """The weights: those of the frozen module under the names that they had, and the adapter's."""
        assert self.base is not None
        for name, weight in self.base.weights.items():
            setattr(self, name, weight)
        rank, (inner, outer) = Axis("rank", self.rank), self.sides()
        self.lora_a = Weight((rank, inner), role="adapter", dtype=self.dtype)
        self.lora_b = Weight((outer, self.ranks), role="adapter", dtype=self.dtype)
        if self.dora:
            self.magnitude = Weight((outer,), role="adapter", dtype=self.dtype)

    def _adopt(self, name: str, value: object, again: bool) -> None:
        """The frozen module is no child: its weights stand here."""

    def forward(self, x: Tensor, *more: Any) -> Tensor:
        assert self.base is not None
        return self.adapted(x, self.base.forward(x, *more))

    @property
    def ranks(self) -> Axis:
        """The columns of ``B``."""
        return Axis("rank", self.rank * self.joined)

    @property
    def joins(self) -> bool:
        """Whether one function can run it with the frozen projection: not with DoRA, dropout or a bias (Unsloth,
        models/llama.py, patch_peft_model).
        """
        return not (self.dora or self.dropout or self.joined > 1 or getattr(self, "bias", False))

    def together(self, x: Tensor, base: Tensor) -> Tensor:
        """The same by one function, which keeps its input alone, makes what is between again and adds in place.
        Adapters multiply in the type of activations (Unsloth, kernels/fast_lora.py, LoRA_W; kernels/utils.py,
        matmul_lora).
        """
        tape, rank = x.tape, Axis("rank", self.rank)
        middle = tape.tensor("adapter's middle", *base.axes[:-1], rank, dtype=x.dtype)
        first, second = (2 * x.rows * rank.size * axis.size for axis in self.sides())
        keeps = () if id(x.storage) in tape.remade else (x,)
        tape.record("matmul", (x, self.lora_a), (middle,), keeps, ops.twice(first))
        made = ops.view(base, "adapted", *base.axes)
        tape.record("matmul", (middle, self.lora_b), (made,), (), ops.twice(second), shares_gradient=())
        return made

    def adapted(self, x: Tensor, base: Tensor) -> Tensor:
        """The frozen module's result with the adapter's (PEFT, tuners/lora/layer.py, Linear.forward)."""
        if x.tape.run.kernels.joins_adapters and self.joins:
            return self.together(x, base)
        given = converted(x, self.dtype)
        if self.dropout:
            mask = given.tape.tensor("adapter dropout mask", *given.axes, dtype=ops.MASK)
            given = ops.elementwise("dropout", given, keeps=(mask,), makes=(mask,))
        rank, (inner, outer) = Axis("rank", self.rank), self.sides()
        middle = ops.matmul(given, inner, rank, (self.lora_a,))
        if self.joined > 1:
            both = middle.tape.tensor("middles together", *middle.axes[:-1], self.ranks, dtype=middle.dtype)
            middle.tape.record("join", (middle,), (both,))
            middle = both
        low = ops.matmul(middle, self.ranks, outer, (self.lora_b,), use=base.use)
        low = self.lengthened(base, low) if self.dora else scaled(low)
        made = base.tape.tensor("adapted", *base.axes, dtype=low.dtype, use=base.use)
        base.tape.record("add", (base, low), (made,), shares_gradient=(base, low))
        return converted(made, base.dtype)

    def lengthened(self, base: Tensor, low: Tensor) -> Tensor:
        """What DoRA adds: the frozen result times each output's length less 1, and the adapter's times it. The product
        ``B A`` and the lengths of the rows of ``W + B A`` are computed anew and kept by nothing: no gradient goes
        through them (PEFT, tuners/lora/dora.py, DoraLinearLayer).
        """
        tape, (inner, outer) = base.tape, self.sides()
        matrices = ((outer, inner), (outer, inner), (inner, inner))
        names = ("W + B A", "B A", "identity")
        whole = tuple(
            tape.tensor(name, *axes, dtype=low.dtype, use=Use.WORKSPACE)
            for name, axes in zip(names, matrices, strict=True)
        )
        length, norm = (tape.tensor(n, outer, dtype=low.dtype) for n in ("length", "norm"))
        less = tape.tensor("length less 1", outer, dtype=low.dtype)
        tape.record("lengths", (self.magnitude,), (length, norm, less), (norm,), scratch=whole)
        first = tape.tensor("lengthened", *base.axes, dtype=low.dtype)
        keeps = (base, less) if tape.needs(base) else (base,)  # of which the second is for the gradient of the first
        tape.record("lengthen", (base, less), (first,), keeps)
        second = tape.tensor("lengthened adapter", *base.axes, dtype=low.dtype)
        tape.record("lengthen", (low, length), (second,), (low, length))
        return ops.add(first, scaled(second))


class LoraLinear(Adapter, Linear):
    """A projection's."""

    def sides(self) -> tuple[Dimension, Dimension]:
        return self.columns, self.out


class LoraHead(Adapter, Head):
    """A head's."""

    def sides(self) -> tuple[Dimension, Dimension]:
        return Axis("hidden", self.hidden_size), Axis("vocabulary", self.vocab_size)


class LoraRouter(Adapter, Router):
    """A router's."""

    def sides(self) -> tuple[Dimension, Dimension]:
        return Axis("hidden", self.hidden_size), Axis("experts", self.num_experts)


class LoraGate(Adapter, SharedExpertGate):
    """That of the gate of shared experts."""

    def sides(self) -> tuple[Dimension, Dimension]:
        return Axis("hidden", self.hidden_size), Axis("one", 1)


def scaled(low: Tensor) -> Tensor:
    """An adapter's result times its factor."""
    made = low.tape.tensor("scaled", *low.axes, dtype=low.dtype, use=low.use)
    low.tape.record("scale", (low,), (made,))
    return made


def converted(x: Tensor, dtype: DataType | None) -> Tensor:
    """The same values in another data type."""
    if dtype is None or x.dtype is dtype:
        return x
    made = x.tape.tensor(f"{x.name} in {dtype.name}", *x.axes, dtype=dtype, use=x.use)
    x.tape.record("convert", (x,), (made,))
    return made
