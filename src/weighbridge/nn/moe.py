"""Mixture of experts: a router, routed experts, and optionally shared experts with a gate."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from weighbridge.arithmetic import Count
from weighbridge.kernels import Experts
from weighbridge.nn import ops
from weighbridge.nn.dispatch import dispatch
from weighbridge.nn.linear import Linear
from weighbridge.nn.mlp import MLP, GatedMLP
from weighbridge.nn.module import Module, Repeat
from weighbridge.nn.problems import Problem, at_most
from weighbridge.tape import Axis, Tensor, Weight
from weighbridge.tree import Kind


class Router(Module):
    """Scores every expert for every token. Its weights may have a data type of their own.

    Attributes:
        hidden_size: width of the residual stream.
        num_experts: experts to choose from.
        bias: the scores have a learned bias.
        correction_bias: a buffer added to the scores when choosing, updated without a gradient (DeepSeek-V3, eq. 16).
    """

    kind = Kind.ROUTER
    source: ClassVar[str] = "Shazeer et al. 2017, eq. 3"

    hidden_size: Count
    num_experts: Count
    bias: bool = False
    correction_bias: bool = False

    def build(self) -> None:
        experts = Axis("experts", self.num_experts)
        self.weight = Weight((experts, Axis("hidden", self.hidden_size)), role="router")
        if self.bias:
            self.offset = Weight((experts,), role="router")
        if self.correction_bias:
            self.correction = Weight((experts,), role="router", buffer=True)

    def forward(self, x: Tensor) -> Tensor:
        hidden, experts = Axis("hidden", self.hidden_size), Axis("experts", self.num_experts)
        return ops.matmul(x, hidden, experts, tuple(self.weights.values()), ops.NOT_COUNTED)


class SharedExpertGate(Module):
    """One score per token that scales the shared expert (Qwen1.5-MoE).

    Attributes:
        hidden_size: width of the residual stream.
    """

    kind = Kind.ROUTER

    hidden_size: Count

    def build(self) -> None:
        self.weight = Weight((Axis("one", 1), Axis("hidden", self.hidden_size)))

    def forward(self, x: Tensor) -> Tensor:
        hidden = Axis("hidden", self.hidden_size)
        return ops.matmul(x, hidden, Axis("one", 1), tuple(self.weights.values()), ops.NOT_COUNTED)


class Expert(MLP):
    """One expert without a gate projection: up and down."""

    kind = Kind.EXPERTS

    def weighed(self, active: Tensor, fused: bool) -> Tensor:
        return by_weights(active, fused) if self.axis == "expert_ffn" else active


class GatedExpert(GatedMLP):
    """One expert with a gate projection: gate, up and down."""

    kind = Kind.EXPERTS

    def weighed(self, active: Tensor, fused: bool) -> Tensor:
        return by_weights(active, fused) if self.axis == "expert_ffn" else active


def by_weights(active: Tensor, fused: bool) -> Tensor:
    """Activations times the router's weights, where the framework applies them here; the gated kernel does it by itself
    (Megatron-Core, transformer/moe/experts.py, TEGroupedMLP; fusions/fused_bias_swiglu.py, WeightedSwiGLUFunction).
    """
    kernels = active.tape.run.kernels
    if fused or kernels.experts is not Experts.MEGATRON or kernels.routing.weighs_results:
        return active
    return ops.elementwise("weigh", active, keeps=(active,))


class MixtureOfExperts(Module):
    """Every token goes to its top-k routed experts, and through the shared expert if there is one.

    Attributes:
        hidden_size: width of the residual stream.
        intermediate_size: width inside one routed expert.
        num_experts: routed experts.
        top_k: routed experts per token.
        shared_intermediate_size: width inside the shared experts taken together; ``None`` for none.
        shared_gate: a gate scales the shared expert.
        gated: experts have a gate projection.
        bias: experts' projections add a bias.
        router_bias: the router adds a bias.
        correction_bias: the router has DeepSeek-V3's balancing buffer.
        latent_size: routed experts work on a narrower projection of the stream; ``None`` for the stream itself.
        shared_bias: the shared experts' (and latent) projections add a bias.
        activation: the experts' activation.
    """

    kind = Kind.EXPERTS
    branch = "feed_forward"
    title = "moe"
    note: ClassVar[str] = "a router and experts, of which a token meets its top k"
    source: ClassVar[str] = "Shazeer et al. 2017, eq. 1; Dai et al. 2024 (DeepSeekMoE), eq. 9"

    hidden_size: Count
    intermediate_size: Count
    num_experts: Count
    top_k: Count
    shared_intermediate_size: Count | None = None
    shared_gate: bool = False
    gated: bool = True
    bias: bool = False
    router_bias: bool = False
    correction_bias: bool = False
    latent_size: Count | None = None
    shared_bias: bool = False
    activation: str = "silu"

    def problems(self) -> Iterator[Problem]:
        yield from at_most(self, "top_k", "num_experts")
        if self.shared_gate and self.shared_intermediate_size is None:
            yield "shared_gate", "true, but there is no shared expert; give shared_intermediate_size"

    def build(self) -> None:
        hidden = Axis("hidden", self.hidden_size)
        self.router = self.choice()
        width = self.hidden_size
        if self.latent_size is not None:
            width = self.latent_size
            self.latent_in = Linear(hidden, Axis("latent", width), self.shared_bias)
        self.experts = Repeat(self.expert(width), self.num_experts, self.top_k, together=True)
        if self.latent_size is not None:
            self.latent_out = Linear(Axis("latent", width), hidden, self.shared_bias)
        if self.shared_intermediate_size is not None:
            size, expert = self.shared_intermediate_size, GatedExpert if self.gated else Expert
            self.shared_expert = expert(self.hidden_size, size, self.shared_bias, self.activation)
        if self.shared_gate:
            self.shared_expert_gate = SharedExpertGate(self.hidden_size)

    def choice(self) -> Module:
        """What scores every expert for every token."""
        return Router(self.hidden_size, self.num_experts, self.router_bias, self.correction_bias)

    def expert(self, width: Count) -> Module:
        """One routed expert."""
        kind = GatedExpert if self.gated else Expert
        return kind(width, self.intermediate_size, self.bias, self.activation, axis="expert_ffn")

    def forward(self, x: Tensor, scored: Tensor | None = None) -> Tensor:
        """Run over hidden states, of which the router may be given others than experts (``scored``)."""
        steps = dispatch(x.tape.run.kernels)
        chosen = steps.choose(self.router(x if scored is None else scored), self.top_k)
        inner = self.latent_in(x) if self.latent_size is not None else x
        done = self.experts(steps.send(inner, chosen, self.top_k))
        combined = steps.bring(done, chosen, inner, self.top_k)
        out = self.latent_out(combined) if self.latent_size is not None else combined
        if self.shared_intermediate_size is None:
            return out
        with x.tape.segment("shared_experts"):
            shared = self.shared_expert(x)
            if self.shared_gate:
                score = ops.elementwise("sigmoid", self.shared_expert_gate(x))
                shared = ops.elementwise("gate", shared, score, keeps=(shared, score))
        return ops.add(out, shared)
