"""Llama 1 to 3.x and everything that shares its block: RMSNorm, grouped-query attention, SwiGLU."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from weighbridge.models.config import AttentionConfig, Layers, Size
from weighbridge.nn import CausalLM, DecoderLayer, Repeat


@dataclass(frozen=True, kw_only=True)
class Config(AttentionConfig):
    """Defaults of Llama 2 7B."""

    family: ClassVar[str] = "Llama"

    vocab_size: Size = 32000
    hidden_size: Size = 4096
    intermediate_size: Size = 11008
    num_hidden_layers: Layers = 32
    num_attention_heads: Size = 32
    attention_bias: bool = False
    mlp_bias: bool = False


def build(config: Config) -> CausalLM:
    """Every layer is the same."""
    attention = config.attention(qkv_bias=config.attention_bias, out_bias=config.attention_bias)
    layer = DecoderLayer(config.hidden_size, attention, config.mlp(config.mlp_bias))
    return config.causal_lm([Repeat(layer, config.num_hidden_layers)])
