"""A gated network of which most activations are cut to zero (Gemma 3n)."""

from __future__ import annotations

from typing import ClassVar

from weighbridge.nn import ops
from weighbridge.nn.mlp import GatedMLP
from weighbridge.tape import Axis, Tensor


class SparseGatedMLP(GatedMLP):
    """Before the gate is activated, all that lies below a quantile of a normal distribution with its mean and deviation
    becomes zero. Its projections stay dense.
    """

    title = "mlp"
    note: ClassVar[str] = "gated: gate, up, down; most of the gate is zero"
    source: ClassVar[str] = "transformers, models/gemma3n/modeling_gemma3n.py, Gemma3nTextMLP"

    def halves(self, x: Tensor) -> tuple[Tensor, Tensor]:
        gate, up = super().halves(x)
        quantile = gate.tape.tensor("quantile", Axis("one", 1))
        besides = (gate.tape.tensor("deviation of the gate", *gate.axes[:-1]), quantile)
        return ops.elementwise("gaussian top k", gate, keeps=(gate, *besides), makes=besides), up
