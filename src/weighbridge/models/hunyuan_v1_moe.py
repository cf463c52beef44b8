"""Hunyuan V1 with experts: every layer has a dense network and, beside it, experts of the same size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import MaxLen, MinLen

from weighbridge.arithmetic import Count
from weighbridge.models import hunyuan_v1_dense
from weighbridge.models.config import MOST_LAYERS, Size
from weighbridge.nn import CausalLM, DecoderLayer, MixtureOfExperts, stack
from weighbridge.nn.choice import Choice
from weighbridge.nn.problems import Problem
from weighbridge.traced import plain


@dataclass(frozen=True, kw_only=True)
class Config(hunyuan_v1_dense.Config):
    """Defaults as ``transformers`` has them; they leave ``head_dim`` open, without which it builds no model.

    Attributes:
        num_experts: routed experts.
        moe_topk: routed experts that a token goes to, of all layers or of each.
    """

    family: ClassVar[str] = "Hunyuan MoE"
    aliases: ClassVar[dict[str, str]] = {"num_local_experts": "num_experts", "num_experts_per_tok": "moe_topk"}

    num_experts: Size = 1
    moe_topk: Size | Annotated[list[Size], MinLen(1), MaxLen(MOST_LAYERS)] = 1

    def problems(self) -> Iterator[Problem]:
        yield from super().problems()
        chosen = self.moe_topk if isinstance(self.moe_topk, list) else [self.moe_topk]
        if max(chosen) > self.num_experts:
            yield "moe_topk", f"{max(chosen):,} is more than num_experts = {self.num_experts:,}"
        if isinstance(self.moe_topk, list) and len(chosen) < self.num_hidden_layers:
            yield "moe_topk", f"has {len(chosen):,} entries for num_hidden_layers = {self.num_hidden_layers:,}"

    def chosen(self) -> dict[str, Count]:
        """Routed experts per token, by the kind of layer."""
        if isinstance(self.moe_topk, list):
            return {f"top_{k}": k for k in self.moe_topk}
        return {f"top_{plain(self.moe_topk)}": self.moe_topk}

    def kinds(self) -> list[str]:
        """The kind of each layer."""
        layers = plain(self.num_hidden_layers)
        return (
            [f"top_{k}" for k in self.moe_topk[:layers]]
            if isinstance(self.moe_topk, list)
            else [*self.chosen()] * layers
        )


def build(config: Config) -> CausalLM:
    """Layers differ in how many experts a token goes to."""
    bias, inner = config.attention_bias, config.intermediate_size

    def layer(kind: str) -> DecoderLayer:
        moe = MixtureOfExperts(
            config.hidden_size, inner, config.num_experts, config.chosen()[kind], inner, scoring=Choice(narrow=True)
        )
        return DecoderLayer(config.hidden_size, config.attention(bias, bias, qk_norm=True), moe)

    return config.causal_lm(stack(config.kinds(), layer, config.num_hidden_layers))
