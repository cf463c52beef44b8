"""GLM-4 9B as first published: biases on q, k and v, fused gate and up, half of each head turned by positions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from weighbridge.models.config import AttentionConfig, Layers, Size
from weighbridge.models.partial_rotary_config import PartialRotaryConfig, Share
from weighbridge.nn import CausalLM, DecoderLayer, Repeat


@dataclass(frozen=True, kw_only=True)
class Config(AttentionConfig, PartialRotaryConfig):
    """Defaults of GLM-4 9B."""

    family: ClassVar[str] = "GLM"
    sandwich: ClassVar[bool] = False

    vocab_size: Size = 151552
    hidden_size: Size = 4096
    intermediate_size: Size = 13696
    num_hidden_layers: Layers = 40
    num_attention_heads: Size = 32
    num_key_value_heads: Size = 2
    head_dim: Size = 128
    attention_bias: bool = True
    partial_rotary_factor: Share = 0.5


def build(config: Config) -> CausalLM:
    """Every layer is the same."""
    attention = config.partly_turned(config.attention(config.attention_bias, angles="interleaved"))
    layer = DecoderLayer(config.hidden_size, attention, config.mlp(fused=True), sandwich=config.sandwich)
    return config.causal_lm([Repeat(layer, config.num_hidden_layers)])
