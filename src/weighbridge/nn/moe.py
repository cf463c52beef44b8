"""Mixture of experts: a router, routed experts, and optionally shared experts with a gate."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar

from weighbridge.arithmetic import Count, ceil_div
from weighbridge.kernels import Experts, Kernels
from weighbridge.nn import ops
from weighbridge.nn.choice import Choice
from weighbridge.nn.dispatch import Dispatch, dispatch
from weighbridge.nn.linear import Linear
from weighbridge.nn.mlp import MLP, GatedMLP
from weighbridge.nn.module import Module, Repeat
from weighbridge.nn.problems import Problem, at_most
from weighbridge.tape import Axis, Joined, Tensor, Weight
from weighbridge.tree import Kind, Node
from weighbridge.units import FP32


class Router(Module):
    """Scores every expert for every token. Its weights may have a data type of their own.

    Attributes:
        hidden_size: width of the residual stream.
        num_experts: experts to choose from.
        bias: the scores have a learned bias.
        correction_bias: a buffer added to the scores when choosing, updated without a gradient (DeepSeek-V3, eq. 16).
        in_fp32: transformers casts its input and its weight to fp32.
    """

    kind = Kind.ROUTER
    source: ClassVar[str] = "Shazeer et al. 2017, eq. 3"

    hidden_size: Count
    num_experts: Count
    bias: bool = False
    correction_bias: bool = False
    in_fp32: bool = False

    def build(self) -> None:
        experts = Axis("experts", self.num_experts)
        self.weight = Weight((experts, Axis("hidden", self.hidden_size)), role="router")
        if self.bias:
            self.offset = Weight((experts,), role="router")
        if self.correction_bias:
            self.correction = Weight((experts,), role="router", buffer=True)

    def forward(self, x: Tensor) -> Tensor:
        hidden, experts = Axis("hidden", self.hidden_size), Axis("experts", self.num_experts)
        learned = tuple(weight for weight in self.weights.values() if not weight.buffer)
        if self.in_fp32 and x.tape.run.kernels.written_out and x.dtype is not FP32:
            return self.wide(x, experts, learned)
        return ops.matmul(x, hidden, experts, learned, ops.NOT_COUNTED)

    def wide(self, x: Tensor, experts: Axis, learned: tuple[Weight, ...]) -> Tensor:
        """Scores in fp32: copies in fp32 of the input and of the weight are kept."""
        wide, tape = ops.cast(x, "router input in fp32", FP32), x.tape
        copies = tuple(tape.tensor("router weight in fp32", *w.axes, dtype=FP32) for w in learned)
        made = tape.tensor("projection", *x.axes[:-1], experts, dtype=FP32)
        work = ops.twice(2 * x.rows * self.hidden_size * self.num_experts)
        kept = (wide, *(copy for copy in copies if len(copy.axes) > 1))
        tape.record("matmul", (wide, *learned), (made, *copies), kept, work, ops.NOT_COUNTED)
        return made


class HashRouter(Router):
    """Scores every expert, but which ones a token goes to stands in a fixed table by the token's number (Roller et al.
    2021).

    Attributes:
        vocab_size: rows of the table.
        top_k: experts in each.
    """

    source: ClassVar[str] = "Roller et al. 2021, section 3"

    vocab_size: Count = 1
    top_k: Count = 1

    def build(self) -> None:
        super().build()
        self.table = Weight((Axis("vocab", self.vocab_size), Axis("choices", self.top_k)), role="router", buffer=True)


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
    """One expert with a gate projection: gate, up and down.

    Attributes:
        joined: transformers has gate and up of an expert that all tokens meet in one projection, as those of routed
            experts (MiniMax-M3).
    """

    kind = Kind.EXPERTS

    joined: bool = False

    def halves(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Both at once where the framework stores experts so (transformers, integrations/moe.py)."""
        joins = self.axis == "expert_ffn" or self.joined
        if x.tape.run.kernels.experts is not Experts.GROUPED or not joins or self.fused:
            return super().halves(x)
        ffn, weights = Axis(self.axis, self.intermediate_size), (self.gate_proj.weights, self.up_proj.weights)
        own = tuple(weight for part in weights for weight in part.values())
        both = ops.matmul(ops.lowered(x), self.gate_proj.columns, Joined((ffn, ffn)), own)
        return ops.part(both, "gate", ffn), ops.part(both, "up", ffn)

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


class UnusedProjections(Module):
    """Gate and up projections that ``transformers`` makes for experts which compute nothing: never read, and in no
    published checkpoint (models/longcat_flash/modeling_longcat_flash.py, LongcatFlashExperts).

    Attributes:
        hidden_size: width of the residual stream.
        intermediate_size: width inside one expert.
        num_experts: experts that compute nothing.
    """

    kind = Kind.EXPERTS
    note: ClassVar[str] = "made by transformers, never read"

    hidden_size: Count
    intermediate_size: Count
    num_experts: Count

    def build(self) -> None:
        ffn = Axis("expert_ffn", 2 * self.intermediate_size)
        self.weight = Weight((Axis("experts", self.num_experts), ffn, Axis("hidden", self.hidden_size)))

    def node(self, name: str = "model", inherited: Kind = Kind.OTHER, seen: set[int] | None = None) -> Node:
        return replace(super().node(name, inherited, seen), active=0)


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
        hashed: rows of a fixed table that says where each token goes; ``None`` to go by scores.
        zero_experts: further ones to choose from that give a token back as it is (LongCat-Flash); ``None`` for none.
        shared_joined: transformers has gate and up of the shared expert in one projection.
        scoring: how transformers turns the router's scores into weights.
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
    hashed: Count | None = None
    zero_experts: Count | None = None
    scoring: Choice = Choice()
    shared_joined: bool = False

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
        self.experts = Repeat(self.expert(width), self.num_experts, self.met, together=True)
        if self.zero_experts is not None:
            self.unused_experts = UnusedProjections(self.hidden_size, self.intermediate_size, self.zero_experts)
        if self.latent_size is not None:
            self.latent_out = Linear(Axis("latent", width), hidden, self.shared_bias)
        if self.shared_intermediate_size is not None:
            own = (self.hidden_size, self.shared_intermediate_size, self.shared_bias, self.activation)
            self.shared_expert = GatedExpert(*own, joined=self.shared_joined) if self.gated else Expert(*own)
        if self.shared_gate:
            self.shared_expert_gate = SharedExpertGate(self.hidden_size)

    def choice(self) -> Module:
        """What scores every expert for every token."""
        choices = self.num_experts if self.zero_experts is None else self.num_experts + self.zero_experts
        own = (self.hidden_size, choices, self.router_bias, self.correction_bias, self.scoring.in_fp32)
        return Router(*own) if self.hashed is None else HashRouter(*own, self.hashed, self.top_k)

    def expert(self, width: Count) -> Module:
        """One routed expert."""
        kind = GatedExpert if self.gated else Expert
        return kind(width, self.intermediate_size, self.bias, self.activation, axis="expert_ffn")

    def weights_of(self, scores: Tensor) -> Tensor:
        """Weights of each token's chosen experts."""
        return self.steps(scores.tape.run.kernels).choose(scores, self.top_k, self.scoring)

    def steps(self, kernels: Kernels) -> Dispatch:
        """How tokens reach their experts and come back."""
        return dispatch(kernels)

    @property
    def met(self) -> Count:
        """Experts that compute for a token: all that it is routed to. Of those that it may share with experts that
        compute nothing the mean of an even choice, rounded up.
        """
        if self.zero_experts is None:
            return self.top_k
        return ceil_div(self.top_k * self.num_experts, self.num_experts + self.zero_experts)

    def forward(self, x: Tensor, scored: Tensor | None = None) -> Tensor:
        """Run over hidden states, of which the router may be given others than experts (``scored``)."""
        steps = self.steps(x.tape.run.kernels)
        chosen = self.weights_of(self.router(x if scored is None else scored))
        inner = self.latent_in(x) if self.latent_size is not None else x
        done = self.experts(steps.send(inner, chosen, self.met, self.bias))
        combined = steps.bring(done, chosen, inner, self.met)
        out = self.latent_out(combined) if self.latent_size is not None else combined
        if self.shared_intermediate_size is None:
            return out
        with x.tape.segment("shared_experts"):
            shared = self.shared_expert(x)
            if self.shared_gate:
                score = ops.elementwise("sigmoid", self.shared_expert_gate(x))
                shared = ops.elementwise("gate", shared, score, keeps=(shared, score))
        return ops.add(out, shared)
