"""The language model of Qwen3-VL: Qwen3's without windows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from weighbridge.models.config import AttentionConfig, Layers, Size
from weighbridge.nn import CausalLM, DecoderLayer, Repeat


@dataclass(frozen=True, kw_only=True)
class Config(AttentionConfig):
    """Defaults as ``transformers`` has them."""

    family: ClassVar[str] = "Qwen3-VL text"

    vocab_size: Size = 151936
    hidden_size: Size = 4096
    intermediate_size: Size = 22016
    num_hidden_layers: Layers = 32
    num_attention_heads: Size = 32
    num_key_value_heads: Size | None = 32
    head_dim: Size = 128
    attention_bias: bool = False


def build(config: Config) -> CausalLM:
    """Every layer is the same."""
    attention = config.attention(config.attention_bias, config.attention_bias, qk_norm=True)
    layer = DecoderLayer(config.hidden_size, replace(attention, positions_each=True), config.mlp())
    return config.causal_lm([Repeat(layer, config.num_hidden_layers)])
