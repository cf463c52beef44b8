"""Granite 3 MoE: Granite's attention, and a mixture of experts in every layer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from weighbridge.models.config import AttentionConfig, Layers, Size
from weighbridge.nn import CausalLM, DecoderLayer, MixtureOfExperts, Repeat
from weighbridge.nn.choice import Choice
from weighbridge.nn.problems import Problem, at_most


@dataclass(frozen=True, kw_only=True)
class Config(AttentionConfig):
    """Defaults as ``transformers`` has them."""

    family: ClassVar[str] = "Granite MoE"

    vocab_size: Size = 32000
    hidden_size: Size = 4096
    intermediate_size: Size = 11008
    num_hidden_layers: Layers = 32
    num_attention_heads: Size = 32
    attention_bias: bool = False
    num_local_experts: Size = 8
    num_experts_per_tok: Size = 2

    def problems(self) -> Iterator[Problem]:
        yield from super().problems()
        yield from at_most(self, "num_experts_per_tok", "num_local_experts")


def build(config: Config) -> CausalLM:
    """Every layer is the same."""
    attention = config.attention(config.attention_bias, config.attention_bias)
    experts = config.num_local_experts
    sizes = (config.hidden_size, config.intermediate_size, experts, config.num_experts_per_tok)
    moe = MixtureOfExperts(*sizes, scoring=Choice("softmax of chosen", narrow=True))
    layer = DecoderLayer(config.hidden_size, attention, moe)
    return config.causal_lm([Repeat(layer, config.num_hidden_layers)])
