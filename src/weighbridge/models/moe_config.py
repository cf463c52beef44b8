"""Configurations of the Qwen mixture-of-experts families: which layers are sparse, and how."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from weighbridge.arithmetic import Count
from weighbridge.models.config import AttentionConfig, Places, Size, Size0
from weighbridge.nn import MixtureOfExperts, Module
from weighbridge.nn.choice import Choice
from weighbridge.nn.problems import Problem, at_most
from weighbridge.traced import plain


@dataclass(frozen=True, kw_only=True)
class SparseConfig(AttentionConfig):
    """A decoder in which some layers hold a mixture of experts.

    Attributes:
        decoder_sparse_step: every so many layers one is sparse.
        mlp_only_layers: layers that are dense in any case.
        num_experts: routed experts; 0 makes every layer dense.
        num_experts_per_tok: routed experts that a token goes to.
        moe_intermediate_size: width inside a routed expert.
        norm_topk_prob: weights of a token's experts are divided by their sum.
    """

    decoder_sparse_step: Size = 1
    mlp_only_layers: Places | None = None
    num_experts: Size0
    num_experts_per_tok: Size
    moe_intermediate_size: Size
    norm_topk_prob: bool = False

    def problems(self) -> Iterator[Problem]:
        yield from super().problems()
        if self.num_experts:
            yield from at_most(self, "num_experts_per_tok", "num_experts")

    def sparse(self) -> list[str]:
        """Whether each layer is dense or holds a mixture of experts."""
        dense = set(self.mlp_only_layers or ())
        step = plain(self.decoder_sparse_step)
        experts = plain(self.num_experts)
        none = isinstance(experts, int) and experts == 0  # arrays of sizes have experts
        return [
            "moe" if not none and i not in dense and (i + 1) % step == 0 else "dense"
            for i in range(plain(self.num_hidden_layers))
        ]

    def feed_forward(self, kind: str, shared: Count | None = None) -> Module:
        """A dense network or a mixture of experts (with a gated shared expert of that size, if one is given)."""
        if kind == "dense":
            return self.mlp()
        return MixtureOfExperts(
            self.hidden_size,
            self.moe_intermediate_size,
            self.num_experts,
            self.num_experts_per_tok,
            shared,
            shared_gate=shared is not None,
            scoring=Choice(normalised=self.norm_topk_prob, narrow=True),
        )
