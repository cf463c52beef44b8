"""Feed-forward networks."""

from __future__ import annotations

from typing import ClassVar

from weighbridge.arithmetic import Count
from weighbridge.kernels import Pointwise
from weighbridge.nn import joined, ops
from weighbridge.nn.linear import Linear
from weighbridge.nn.module import Module
from weighbridge.tape import Axis, Joined, Tensor
from weighbridge.tree import Kind


class MLP(Module):
    """Two projections with an activation between them: up and down (Vaswani et al. 2017, eq. 2).

    Attributes:
        hidden_size: width of the residual stream.
        intermediate_size: width inside.
        bias: both projections add a bias.
        activation: its name (gelu, relu2 ...).
        axis: the name of the axis inside.
    """

    kind = Kind.MLP
    branch = "feed_forward"
    fuses_norm = True
    note: ClassVar[str] = "two projections: up, down"
    source: ClassVar[str] = "Vaswani et al. 2017, eq. 2"

    hidden_size: Count
    intermediate_size: Count
    bias: bool = False
    activation: str = "gelu"
    axis: str = "ffn"

    def build(self) -> None:
        hidden, ffn = Axis("hidden", self.hidden_size), Axis(self.axis, self.intermediate_size)
        self.up_proj = Linear(hidden, ffn, self.bias)
        self.down_proj = Linear(ffn, hidden, self.bias)

    def forward(self, x: Tensor) -> Tensor:
        with x.tape.segment("expert_fc1" if self.axis == "expert_ffn" else "fc1"):
            up = self.up_proj(ops.gathered(x))
        with x.tape.segment(f"{self.axis}_act"):
            active = self.weighed(self.activated(up), fused=False)
        return self.down_proj(active)

    def activated(self, up: Tensor) -> Tensor:
        """What is made of the up projection."""
        return ops.activation(self.activation, up)

    def weighed(self, active: Tensor, fused: bool) -> Tensor:
        """What the down projection is given: experts multiply by the weights of tokens first."""
        return active


class GatedMLP(Module):
    """Three projections: an activated gate multiplies the up projection (Shazeer 2020, eq. 5: SwiGLU, GeGLU).

    Attributes:
        hidden_size: width of the residual stream.
        intermediate_size: width inside.
        bias: all projections add a bias.
        activation: the gate's (silu, gelu).
        fused: gate and up are one projection.
        axis: the name of the axis inside.
    """

    kind = Kind.MLP
    branch = "feed_forward"
    fuses_norm = True
    title = "mlp"
    note: ClassVar[str] = "gated: gate, up, down"
    source: ClassVar[str] = "Shazeer 2020, eq. 5"

    hidden_size: Count
    intermediate_size: Count
    bias: bool = False
    activation: str = "silu"
    fused: bool = False
    axis: str = "ffn"

    def build(self) -> None:
        hidden, ffn = Axis("hidden", self.hidden_size), Axis(self.axis, self.intermediate_size)
        if self.fused:
            self.gate_up_proj = Linear(hidden, Joined((ffn, ffn)), self.bias)
        else:
            self.gate_proj = Linear(hidden, ffn, self.bias)
            self.up_proj = Linear(hidden, ffn, self.bias)
        self.down_proj = Linear(ffn, hidden, self.bias)

    def forward(self, x: Tensor) -> Tensor:
        with x.tape.segment("expert_fc1" if self.axis == "expert_ffn" else "fc1"):
            gate, up = self.halves(ops.gathered(x))
        with x.tape.segment(f"{self.axis}_act"):
            together = self.joined and x.tape.run.kernels.joins_adapters
            active = (joined.gated if together else ops.gated)(self.activation, gate, up)
            active = self.weighed(active, fused=x.tape.run.kernels.pointwise is Pointwise.FUSED)
        return self.down_proj(active)

    def weighed(self, active: Tensor, fused: bool) -> Tensor:
        """What the down projection is given: experts multiply by the weights of tokens first."""
        return active

    @property
    def joined(self) -> bool:
        """Whether all three projections have adapters that one function runs with them."""
        return not self.fused and self.gate_proj.joins and self.up_proj.joins and self.down_proj.joins

    def halves(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The gate's and the up projection."""
        if not self.fused:
            return self.gate_proj(x), self.up_proj(x)
        both = self.gate_up_proj(x)
        half = ops.part(both, "half", Axis(self.axis, self.intermediate_size))
        return half, half
