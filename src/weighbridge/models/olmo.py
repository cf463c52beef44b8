"""OLMo 1: Llama's block with LayerNorm without weights, queries, keys and values clipped where it says so."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from weighbridge.models.config import AttentionConfig, Layers, Size
from weighbridge.nn import CausalLM, ClippedAttention, DecoderLayer, Repeat
from weighbridge.nn.attention import of_kind
from weighbridge.nn.norm import PlainWideLayerNorm


@dataclass(frozen=True, kw_only=True)
class Config(AttentionConfig):
    """Defaults of OLMo 7B.

    Attributes:
        clip_qkv: the bound that queries, keys and values are clipped to; none if ``None``.
    """

    family: ClassVar[str] = "OLMo"

    vocab_size: Size = 50304
    hidden_size: Size = 4096
    intermediate_size: Size = 11008
    num_hidden_layers: Layers = 32
    num_attention_heads: Size = 32
    attention_bias: bool = False
    clip_qkv: float | None = None


def build(config: Config) -> CausalLM:
    """Every layer is the same."""
    bias, hidden = config.attention_bias, config.hidden_size
    attention = replace(config.attention(bias, bias), angles="whole in fp32")
    if config.clip_qkv is not None:
        attention = of_kind(ClippedAttention, attention)
    layer = DecoderLayer(hidden, attention, config.mlp(), norm=PlainWideLayerNorm)
    return config.causal_lm([Repeat(layer, config.num_hidden_layers)], norm=PlainWideLayerNorm(hidden))
