"""Gemma 1: Llama's block with wide heads, GeGLU and a tied head."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from weighbridge.models.config import AttentionConfig, Layers, Size
from weighbridge.nn import CausalLM, DecoderLayer, Repeat, ScaledEmbedding
from weighbridge.nn.norm import OffsetRMSNorm


@dataclass(frozen=True, kw_only=True)
class Config(AttentionConfig):
    """Defaults of Gemma 7B."""

    family: ClassVar[str] = "Gemma"

    vocab_size: Size = 256000
    hidden_size: Size = 3072
    intermediate_size: Size = 24576
    num_hidden_layers: Layers = 28
    num_attention_heads: Size = 16
    num_key_value_heads: Size = 16
    head_dim: Size = 256
    attention_bias: bool = False
    tie_word_embeddings: bool = True


def build(config: Config) -> CausalLM:
    """Every layer is the same."""
    attention = config.attention(config.attention_bias, config.attention_bias)
    layer = DecoderLayer(config.hidden_size, attention, config.mlp(activation="gelu"), norm=OffsetRMSNorm)
    embedding = ScaledEmbedding(config.vocab_size, config.hidden_size)
    norm = OffsetRMSNorm(config.hidden_size)
    return config.causal_lm([Repeat(layer, config.num_hidden_layers)], embedding, norm)
