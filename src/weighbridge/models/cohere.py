"""Command R: attention and gated MLP side by side after one LayerNorm without a bias; tied embeddings."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from weighbridge.models.config import AttentionConfig, Layers, Size
from weighbridge.nn import CausalLM, ParallelLayer, Repeat
from weighbridge.nn.norm import WideLayerNorm


@dataclass(frozen=True, kw_only=True)
class Config(AttentionConfig):
    """Defaults of Command R.

    Attributes:
        use_qk_norm: every head of queries and keys is normalised, with a weight of its own (Command R+).
    """

    family: ClassVar[str] = "Cohere"

    vocab_size: Size = 256000
    hidden_size: Size = 8192
    intermediate_size: Size = 22528
    num_hidden_layers: Layers = 40
    num_attention_heads: Size = 64
    attention_bias: bool = False
    use_qk_norm: bool | None = False
    tie_word_embeddings: bool = True


def build(config: Config) -> CausalLM:
    """Every layer is the same."""
    bias, hidden = config.attention_bias, config.hidden_size
    attention = config.attention(bias, bias, qk_norm=bool(config.use_qk_norm))
    attention = replace(attention, norm="WideLayerNorm", norm_over="each head")
    layer = ParallelLayer(hidden, attention, config.mlp(), WideLayerNorm)
    return config.causal_lm([Repeat(layer, config.num_hidden_layers)], norm=WideLayerNorm(hidden))
