"""Seed-OSS: Llama's block with biases on q, k and v, and heads wider than the stream divides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from weighbridge.models.config import AttentionConfig, Layers, Size
from weighbridge.nn import CausalLM, DecoderLayer, Repeat


@dataclass(frozen=True, kw_only=True)
class Config(AttentionConfig):
    """Defaults of Seed-OSS 36B as ``transformers`` has them."""

    family: ClassVar[str] = "Seed-OSS"

    vocab_size: Size = 155136
    hidden_size: Size = 4096
    intermediate_size: Size = 27648
    num_hidden_layers: Layers = 64
    num_attention_heads: Size = 80
    num_key_value_heads: Size | None = 8
    head_dim: Size | None = 128
    attention_bias: bool = True
    attention_out_bias: bool = False
    mlp_bias: bool = False


def build(config: Config) -> CausalLM:
    """Every layer is the same."""
    attention = config.attention(config.attention_bias, config.attention_out_bias)
    layer = DecoderLayer(config.hidden_size, attention, config.mlp(config.mlp_bias))
    return config.causal_lm([Repeat(layer, config.num_hidden_layers)])
