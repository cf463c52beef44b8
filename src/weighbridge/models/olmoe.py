"""OLMoE: Llama's block with RMSNorm of all heads of queries and keys together, and experts in every layer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

from weighbridge.models.config import AttentionConfig, Layers, Size
from weighbridge.models.equal_heads_config import heads_fill_hidden
from weighbridge.nn import CausalLM, ClippedAttention, DecoderLayer, MixtureOfExperts, Repeat
from weighbridge.nn.attention import of_kind
from weighbridge.nn.choice import Choice
from weighbridge.nn.problems import Problem, at_most


@dataclass(frozen=True, kw_only=True)
class Config(AttentionConfig):
    """Defaults as ``transformers`` has them.

    Attributes:
        clip_qkv: the bound that queries, keys and values are clipped to; none if ``None``.
        norm_topk_prob: weights of a token's experts are divided by their sum.
    """

    family: ClassVar[str] = "OLMoE"
    aliases: ClassVar[dict[str, str]] = {"num_local_experts": "num_experts"}

    vocab_size: Size = 50304
    hidden_size: Size = 2048
    intermediate_size: Size = 2048
    num_hidden_layers: Layers = 16
    num_attention_heads: Size = 16
    attention_bias: bool = False
    clip_qkv: float | None = None
    num_experts: Size = 64
    num_experts_per_tok: Size = 8
    norm_topk_prob: bool = False

    def problems(self) -> Iterator[Problem]:
        yield from super().problems()
        yield from heads_fill_hidden(self)
        yield from at_most(self, "num_experts_per_tok", "num_experts")


def build(config: Config) -> CausalLM:
    """Every layer is the same."""
    bias, hidden = config.attention_bias, config.hidden_size
    attention = replace(config.attention(bias, bias, qk_norm=True), norm_over="all heads")
    if config.clip_qkv is not None:
        attention = of_kind(ClippedAttention, attention)
    sizes = (hidden, config.intermediate_size, config.num_experts, config.num_experts_per_tok)
    moe = MixtureOfExperts(*sizes, scoring=Choice(normalised=config.norm_topk_prob, narrow=True))
    return config.causal_lm([Repeat(DecoderLayer(hidden, attention, moe), config.num_hidden_layers)])
