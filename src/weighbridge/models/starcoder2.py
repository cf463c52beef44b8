"""StarCoder2: LayerNorm, grouped queries, a plain MLP, biases everywhere, and one window or none for all layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from weighbridge.models.config import AttentionConfig, Layers, Size, Size0, window
from weighbridge.nn import MLP, CausalLM, DecoderLayer, LayerNorm, Repeat


@dataclass(frozen=True, kw_only=True)
class Config(AttentionConfig):
    """Defaults as ``transformers`` has them."""

    family: ClassVar[str] = "StarCoder2"

    vocab_size: Size = 49152
    hidden_size: Size = 3072
    intermediate_size: Size = 12288
    num_hidden_layers: Layers = 30
    num_attention_heads: Size = 24
    num_key_value_heads: Size = 2
    sliding_window: Size0 | None = None
    use_bias: bool = True
    tie_word_embeddings: bool = True


def build(config: Config) -> CausalLM:
    """Every layer is the same."""
    hidden, bias = config.hidden_size, config.use_bias
    attention = config.attention(bias, bias, window=window(config.sliding_window))
    layer = DecoderLayer(hidden, attention, MLP(hidden, config.intermediate_size, bias), norm=LayerNorm)
    return config.causal_lm([Repeat(layer, config.num_hidden_layers)], norm=LayerNorm(hidden))
