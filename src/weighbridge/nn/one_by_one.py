"""A mixture of experts of which ``transformers`` runs one expert after another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from weighbridge.arithmetic import Count
from weighbridge.kernels import Experts, Kernels
from weighbridge.nn import ops
from weighbridge.nn.choice import Choice
from weighbridge.nn.dispatch import Dispatch, dispatch, rows
from weighbridge.nn.mlp import GatedMLP
from weighbridge.nn.module import Module
from weighbridge.nn.moe import GatedExpert, MixtureOfExperts
from weighbridge.tape import Axis, Tensor
from weighbridge.units import INT64


@dataclass(frozen=True)
class OneByOne:
    """Every expert picks its tokens, and adds its results to theirs. What all experts keep together has a row per token
    and chosen expert, however a router spreads tokens.

    Attributes:
        idle: choices of each token that fall on experts that compute nothing: they give back what they picked.
    """

    idle: Count = 0

    def choose(self, scores: Tensor, top_k: Count, choice: Choice) -> Tensor:
        return choice.weights(scores, rows(scores, top_k), grouped=False)

    def send(self, x: Tensor, chosen: Tensor, top_k: Count, biased: bool) -> Tensor:
        origins = x.tape.tensor("token and choice of row", rows(x, top_k + self.idle), Axis("both", 2), dtype=INT64)
        routed = x.tape.tensor("routed", rows(x, top_k), x.axes[-1], dtype=x.dtype)
        x.tape.record("pick", (x,), (routed, origins), (origins,))
        return routed

    def bring(self, done: Tensor, chosen: Tensor, x: Tensor, top_k: Count) -> Tensor:
        tape = x.tape
        weights = tape.tensor("weight of row", *chosen.axes, dtype=chosen.dtype)
        given = tape.tensor("given back", rows(x, self.idle), x.axes[-1], dtype=x.dtype)
        tape.record("pick", (chosen, x), (weights, given))
        weighted = tape.tensor("weighted results", rows(x, top_k + self.idle), x.axes[-1], dtype=chosen.dtype)
        tape.record("weigh", (done, given, weights), (weighted,), (done, given, weights))
        if weighted.dtype is not x.dtype:
            weighted = ops.cast(weighted, "weighted results, narrow", x.dtype)
        combined = tape.tensor("combined", *x.axes, dtype=x.dtype)
        tape.record("combine", (weighted,), (combined,), (weighted,))
        return combined


class ExpertApart(GatedExpert):
    """One expert whose gate and up projections are multiplies of their own."""

    def halves(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return GatedMLP.halves(self, x)


class MixtureOneByOne(MixtureOfExperts):
    """A mixture of experts whose code has a loop over experts (DBRX, LongCat-Flash, Step-3.5).

    Attributes:
        joined: gate and up are one multiply.
    """

    source: ClassVar[str] = "Shazeer et al. 2017, eq. 1; transformers, models/dbrx/modeling_dbrx.py, DbrxExperts"

    joined: bool = True

    def expert(self, width: Count) -> Module:
        made = super().expert(width)
        if self.joined or not isinstance(made, GatedExpert):
            return made
        return ExpertApart(width, self.intermediate_size, self.bias, self.activation, axis="expert_ffn")

    def steps(self, kernels: Kernels) -> Dispatch:
        return OneByOne(self.top_k - self.met) if kernels.experts is Experts.GROUPED else dispatch(kernels)
