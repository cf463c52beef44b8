"""Nemotron 3 and 4, Minitron: LayerNorm, grouped queries, a plain MLP with squared ReLU."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from weighbridge.models.config import AttentionConfig, Layers, Size
from weighbridge.models.partial_rotary_config import PartialRotaryConfig, Share
from weighbridge.nn import MLP, CausalLM, DecoderLayer, Repeat
from weighbridge.nn.norm import OffsetLayerNorm


@dataclass(frozen=True, kw_only=True)
class Config(AttentionConfig, PartialRotaryConfig):
    """Defaults as ``transformers`` has them; they leave ``num_key_value_heads`` open."""

    family: ClassVar[str] = "Nemotron"

    vocab_size: Size = 256000
    hidden_size: Size = 6144
    intermediate_size: Size = 24576
    num_hidden_layers: Layers = 32
    num_attention_heads: Size = 48
    num_key_value_heads: Size = field()
    partial_rotary_factor: Share = 0.5
    attention_bias: bool = False
    mlp_bias: bool = False


def build(config: Config) -> CausalLM:
    """Every layer is the same."""
    hidden = config.hidden_size
    attention = config.partly_turned(config.attention(config.attention_bias, config.attention_bias))
    mlp = MLP(hidden, config.intermediate_size, config.mlp_bias, "relu2")
    layer = DecoderLayer(hidden, attention, mlp, norm=OffsetLayerNorm)
    return config.causal_lm([Repeat(layer, config.num_hidden_layers)], norm=OffsetLayerNorm(hidden))
