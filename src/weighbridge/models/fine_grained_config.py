"""Configurations of DeepSeek's mixture of experts: the first layers dense, many small experts beside shared ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar

from weighbridge.models.config import Config, Size, Size0
from weighbridge.nn import DecoderLayer, MixtureOfExperts, Repeat, stack
from weighbridge.nn.choice import Choice
from weighbridge.nn.problems import Problem, at_most
from weighbridge.traced import plain


@dataclass(frozen=True, kw_only=True)
class FineGrainedConfig(Config):
    """A decoder with fine-grained experts (Dai et al. 2024, DeepSeekMoE).

    Attributes:
        intermediate_size: width inside the dense feed-forward network.
        first_k_dense_replace: layers at the start that are dense.
        n_routed_experts: routed experts.
        n_shared_experts: shared experts, built as one of that many times the routed size.
        num_experts_per_tok: routed experts that a token goes to.
        moe_intermediate_size: width inside one expert.
        norm_topk_prob: weights of a token's experts are divided by their sum.
    """

    correction_bias: ClassVar[bool] = True

    intermediate_size: Size
    first_k_dense_replace: Size0
    n_routed_experts: Size
    n_shared_experts: Size0
    num_experts_per_tok: Size
    moe_intermediate_size: Size
    norm_topk_prob: bool = True

    def problems(self) -> Iterator[Problem]:
        yield from super().problems()
        yield from at_most(self, "num_experts_per_tok", "n_routed_experts")

    def choice(self) -> Choice:
        """How the router's scores become weights."""
        return Choice("sigmoid", in_fp32=True, normalised=self.norm_topk_prob)

    def moe(self, shared_bias: bool = False) -> MixtureOfExperts:
        """This configuration's mixture of experts."""
        return MixtureOfExperts(
            self.hidden_size,
            self.moe_intermediate_size,
            self.n_routed_experts,
            self.num_experts_per_tok,
            self.moe_intermediate_size * self.n_shared_experts,
            correction_bias=self.correction_bias,
            shared_bias=shared_bias,
            scoring=self.choice(),
        )

    def runs(self, layer: Callable[[str], DecoderLayer]) -> tuple[Repeat, ...]:
        """Dense layers first, sparse ones after."""
        first, layers = self.first_k_dense_replace, self.num_hidden_layers
        return stack(self.sparse(), layer, layers, {"dense": first, "moe": layers - first})

    def sparse(self) -> list[str]:
        """Whether each layer is dense or holds a mixture of experts."""
        first, layers = plain(self.first_k_dense_replace), plain(self.num_hidden_layers)
        return ["dense" if i < first else "moe" for i in range(layers)]
