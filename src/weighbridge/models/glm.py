"""GLM-4 9B as first published: biases on q, k and v, fused gate and up, half of each head turned by positions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from weighbridge.arithmetic import scale
from weighbridge.models.config import AttentionConfig, Layers, Size
from weighbridge.nn import CausalLM, DecoderLayer, Repeat


@dataclass(frozen=True, kw_only=True)
class Config(AttentionConfig):
    """Defaults of GLM-4 9B.

    Attributes:
        partial_rotary_factor: share of each head that positions turn.
    """

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
    partial_rotary_factor: float = 0.5


def build(config: Config) -> CausalLM:
    """Every layer is the same."""
    turned = scale(config.head_dim, config.partial_rotary_factor)
    positions = {"partial_rotary": True, "rotary_dim": turned, "angles": "interleaved"}
    attention = config.attention(config.attention_bias, **positions)
    layer = DecoderLayer(config.hidden_size, attention, config.mlp(fused=True), sandwich=config.sandwich)
    return config.causal_lm([Repeat(layer, config.num_hidden_layers)])
