"""ERNIE 4.5, dense: Llama's block with tied embeddings and one switch for all biases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from weighbridge.models.config import AttentionConfig, Layers, Size
from weighbridge.nn import CausalLM, DecoderLayer, Repeat


@dataclass(frozen=True, kw_only=True)
class Config(AttentionConfig):
    """Defaults of ERNIE 4.5 0.3B.

    Attributes:
        use_bias: all projections of attention and of dense networks add a bias.
    """

    family: ClassVar[str] = "ERNIE 4.5"

    vocab_size: Size = 103424
    hidden_size: Size = 1024
    intermediate_size: Size = 3072
    num_hidden_layers: Layers = 18
    num_attention_heads: Size = 16
    num_key_value_heads: Size | None = 2
    head_dim: Size | None = 128
    tie_word_embeddings: bool = True
    use_bias: bool | None = False


def build(config: Config) -> CausalLM:
    """Every layer is the same."""
    bias = bool(config.use_bias)
    layer = DecoderLayer(
        config.hidden_size, config.attention(bias, bias, angles="interleaved in fp32"), config.mlp(bias)
    )
    return config.causal_lm([Repeat(layer, config.num_hidden_layers)])
