"""Hunyuan V1, dense: Llama's block with a norm on queries and keys after their positions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from weighbridge.models.config import AttentionConfig, Layers, Size
from weighbridge.nn import CausalLM, DecoderLayer, Repeat


@dataclass(frozen=True, kw_only=True)
class Config(AttentionConfig):
    """Defaults as ``transformers`` has them; they leave ``head_dim`` open, without which it builds no model."""

    family: ClassVar[str] = "Hunyuan"

    vocab_size: Size = 290943
    hidden_size: Size = 4096
    intermediate_size: Size = 11008
    num_hidden_layers: Layers = 32
    num_attention_heads: Size = 32
    head_dim: Size = field()
    attention_bias: bool = False


def build(config: Config) -> CausalLM:
    """Every layer is the same."""
    bias = config.attention_bias
    layer = DecoderLayer(config.hidden_size, config.attention(bias, bias, qk_norm=True), config.mlp())
    return config.causal_lm([Repeat(layer, config.num_hidden_layers)])
