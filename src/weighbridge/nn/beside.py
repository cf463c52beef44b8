"""A dense network and experts side by side in every layer, and layers with an input of their own (Gemma 4)."""

from __future__ import annotations

from contextlib import ExitStack
from typing import ClassVar

from weighbridge.arithmetic import Count
from weighbridge.nn import ops
from weighbridge.nn.cross_layer import last_position
from weighbridge.nn.decoder import DecoderLayer
from weighbridge.nn.mlp import GatedMLP
from weighbridge.nn.module import Module
from weighbridge.nn.moe import MixtureOfExperts, Router
from weighbridge.nn.power_norm import PlainPowerRMSNorm, PowerRMSNorm
from weighbridge.tape import Axis, Tensor, Weight

SOURCE = "transformers, models/gemma4/modeling_gemma4.py"


class ScaledRouter(Router):
    """A router that normalises and scales what it reads, and scales each expert's weight."""

    source: ClassVar[str] = f"{SOURCE}, Gemma4TextRouter"

    def build(self) -> None:
        super().build()
        self.norm = PlainPowerRMSNorm(self.hidden_size)
        self.scale = Weight((Axis("hidden", self.hidden_size),), role="router")
        self.expert_scale = Weight((Axis("experts", self.num_experts),), role="router")

    def forward(self, x: Tensor) -> Tensor:
        normed = self.norm(x)
        scaled = ops.elementwise("scale", normed, keeps=(normed,), weights=(self.scale,))
        hidden, experts = Axis("hidden", self.hidden_size), Axis("experts", self.num_experts)
        return ops.matmul(scaled, hidden, experts, (self.weight,), ops.NOT_COUNTED)


class ScaledMixture(MixtureOfExperts):
    """A mixture of experts with such a router."""

    def choice(self) -> Module:
        return ScaledRouter(self.hidden_size, self.num_experts, self.router_bias, self.correction_bias)

    def weights_of(self, scores: Tensor) -> Tensor:
        weights = super().weights_of(scores)
        picked = scores.tape.tensor("scales of chosen experts", *weights.axes)
        return ops.elementwise("scale", weights, keeps=(weights, picked), makes=(picked,))


class DenseBesideExperts(Module):
    """A dense network that all tokens go through and a mixture of experts, each with norms of its own, added up.

    Attributes:
        hidden_size: width of the residual stream.
        intermediate_size: width inside the dense network.
        expert_size: width inside one expert.
        num_experts: experts.
        top_k: experts per token.
        activation: of both.
    """

    branch = "feed_forward"
    title = "mlp"
    norms_itself = True
    note: ClassVar[str] = "a dense network beside experts"
    source: ClassVar[str] = f"{SOURCE}, Gemma4TextDecoderLayer"

    hidden_size: Count
    intermediate_size: Count
    expert_size: Count
    num_experts: Count
    top_k: Count
    activation: str = "gelu"

    def build(self) -> None:
        self.dense_norm = PowerRMSNorm(self.hidden_size)
        self.dense = GatedMLP(self.hidden_size, self.intermediate_size, activation=self.activation)
        self.post_dense_norm = PowerRMSNorm(self.hidden_size)
        self.moe_norm = PowerRMSNorm(self.hidden_size)
        sizes = (self.hidden_size, self.expert_size, self.num_experts, self.top_k)
        self.moe = ScaledMixture(*sizes, activation=self.activation)
        self.post_moe_norm = PowerRMSNorm(self.hidden_size)

    def forward(self, x: Tensor) -> Tensor:
        dense = self.post_dense_norm(self.dense(self.dense_norm(x)))
        return ops.add(dense, self.post_moe_norm(self.moe(self.moe_norm(x), x)))


class LayerInputLayer(DecoderLayer):
    """A decoder layer that ends in a third branch, made of its own input, and in a factor of the whole stream.

    Attributes:
        per_layer_input: the third branch; ``None`` for none.
        last_only: it makes no keys and values, so that the last position is enough where only its scores are asked for.
    """

    source: ClassVar[str] = f"{SOURCE}, Gemma4TextDecoderLayer"

    per_layer_input: Module | None = None
    last_only: bool = False

    def build(self) -> None:
        super().build()
        self.factor = Weight((Axis("one", 1),), buffer=True)

    def forward(self, x: Tensor) -> Tensor:
        with ExitStack() as narrowed:
            if self.last_only:
                x = narrowed.enter_context(last_position(x))
            x = super().forward(x)
            if self.per_layer_input is not None:
                x = ops.residual(x, self.per_layer_input(x))
            return ops.elementwise("scale", x, weights=(self.factor,))
