"""Phi-3, Phi-3.5 and Phi-4: Llama's block with fused q, k, v and fused gate and up projections."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from weighbridge.models.config import AttentionConfig, Layers, Size, Size0, window
from weighbridge.nn import CausalLM, DecoderLayer, Repeat


@dataclass(frozen=True, kw_only=True)
class Config(AttentionConfig):
    """Defaults of Phi-3 mini."""

    family: ClassVar[str] = "Phi-3"

    vocab_size: Size = 32064
    hidden_size: Size = 3072
    intermediate_size: Size = 8192
    num_hidden_layers: Layers = 32
    num_attention_heads: Size = 32
    sliding_window: Size0 | None = None


def build(config: Config) -> CausalLM:
    """Every layer is the same."""
    attention = config.attention(window=window(config.sliding_window), fused=True, partial_rotary=True)
    layer = DecoderLayer(config.hidden_size, attention, config.mlp(fused=True))
    return config.causal_lm([Repeat(layer, config.num_hidden_layers)])
