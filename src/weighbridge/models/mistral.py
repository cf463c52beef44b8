"""Mistral 7B and its successors: Llama's block with a sliding window in every layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from weighbridge.models.config import AttentionConfig, Layers, Size, Size0, window
from weighbridge.nn import CausalLM, DecoderLayer, Repeat


@dataclass(frozen=True, kw_only=True)
class Config(AttentionConfig):
    """Defaults of Mistral 7B v0.1."""

    family: ClassVar[str] = "Mistral"
    scaled_queries: ClassVar[bool] = False

    vocab_size: Size = 32000
    hidden_size: Size = 4096
    intermediate_size: Size = 14336
    num_hidden_layers: Layers = 32
    num_attention_heads: Size = 32
    num_key_value_heads: Size | None = 8
    sliding_window: Size0 | None = 4096


def build(config: Config) -> CausalLM:
    """Every layer is the same."""
    attention = config.attention(window=window(config.sliding_window), scaled_queries=config.scaled_queries)
    layer = DecoderLayer(config.hidden_size, attention, config.mlp())
    return config.causal_lm([Repeat(layer, config.num_hidden_layers)])
