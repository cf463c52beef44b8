"""Llama 4's mixture of experts: a token's score scales what its expert is given."""

from __future__ import annotations

from typing import ClassVar

from weighbridge.arithmetic import Count
from weighbridge.kernels import Experts
from weighbridge.nn import ops
from weighbridge.nn.dispatch import rows
from weighbridge.nn.linear import Linear
from weighbridge.nn.module import Module
from weighbridge.nn.moe import GatedExpert, MixtureOfExperts
from weighbridge.tape import Axis, Joined, Tensor
from weighbridge.units import FP32, INT64


class EveryExpertLinear(Linear):
    """A projection of experts that needs the rows of the tokens that chose them. PyTorch counts every token's for every
    expert, because ``transformers`` multiplies them all, most by a score of zero (models/llama4/modeling_llama4.py,
    Llama4TextMoe).

    Attributes:
        num_experts: routed experts.
        top_k: routed experts per token.
    """

    num_experts: Count = 1
    top_k: Count = 1

    def forward(self, x: Tensor) -> Tensor:
        run = x.tape.run
        one = 2 * run.batch * run.sequence * self.columns.size * self.out.size
        needed, every = ops.twice(self.top_k * one), ops.twice(self.num_experts * one)
        counted = {"exact": needed, "megatron": needed, "torch": every}
        return ops.matmul(x, self.columns, self.out, tuple(self.weights.values()), counted)


class EveryExpert(GatedExpert):
    """One expert, gate and up in one projection.

    Attributes:
        num_experts: routed experts.
        top_k: routed experts per token.
    """

    num_experts: Count = 1
    top_k: Count = 1

    def build(self) -> None:
        hidden, ffn = Axis("hidden", self.hidden_size), Axis(self.axis, self.intermediate_size)
        chosen = (self.num_experts, self.top_k)
        self.gate_up_proj = EveryExpertLinear(hidden, Joined((ffn, ffn)), self.bias, *chosen)
        self.down_proj = EveryExpertLinear(ffn, hidden, self.bias, *chosen)

    def halves(self, x: Tensor) -> tuple[Tensor, Tensor]:
        half = ops.part(self.gate_up_proj(x), "half", Axis(self.axis, self.intermediate_size))
        return half, half


class InputScaledMixture(MixtureOfExperts):
    """A mixture of experts whose scores, each a sigmoid, multiply the experts' inputs instead of their results (Llama
    4). ``transformers`` gives every expert every token.
    """

    title = "moe"
    source: ClassVar[str] = "transformers, models/llama4/modeling_llama4.py, Llama4TextMoe"

    def expert(self, width: Count) -> Module:
        sizes = (width, self.intermediate_size, self.bias, self.activation, True, "expert_ffn")
        return EveryExpert(*sizes, num_experts=self.num_experts, top_k=self.top_k)

    def forward(self, x: Tensor, scored: Tensor | None = None) -> Tensor:
        if x.tape.run.kernels.experts is not Experts.GROUPED:
            return super().forward(x, scored)
        scores = self.router(x if scored is None else scored)
        done = self.experts(self.scaled(x, scores))
        shared = self.shared_expert(x)
        combined = x.tape.tensor("combined", *x.axes)
        x.tape.record("combine", (done,), (combined,))
        return ops.add(shared, combined)

    def scaled(self, x: Tensor, scores: Tensor) -> Tensor:
        """Every token for every expert, times its score or zero: keeps the copies and the scores."""
        tape, everywhere = x.tape, rows(x, self.num_experts)
        places = rows(x, self.top_k)
        chosen = tape.tensor("chosen experts", places, dtype=INT64)
        wide = tape.tensor("sigmoid of scores in fp32", *scores.axes, dtype=FP32)
        tape.record("top k", (scores,), (wide, chosen), (wide, chosen))
        narrow = tape.tensor("sigmoid of scores", *scores.axes)
        tape.record("cast", (wide,), (narrow,))
        copies = tape.tensor("every token", everywhere, x.axes[-1])
        tape.record("repeat", (x,), (copies,))
        return ops.elementwise("scale", copies, narrow, keeps=(copies, narrow))
