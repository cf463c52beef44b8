"""BLOOM: ALiBi instead of positions, a LayerNorm after the embedding, biases everywhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from weighbridge.models.config import Layers, Size
from weighbridge.models.equal_heads_config import EqualHeadsConfig
from weighbridge.nn import CausalLM, DecoderLayer, Embedding, LayerNorm, NormedEmbedding, Repeat


@dataclass(frozen=True, kw_only=True)
class Config(EqualHeadsConfig):
    """Defaults as ``transformers`` has them: those of a toy model."""

    family: ClassVar[str] = "BLOOM"
    aliases: ClassVar[dict[str, str]] = {
        "n_embed": "hidden_size",
        "n_head": "num_attention_heads",
        "n_layer": "num_hidden_layers",
    }

    vocab_size: Size = 250880
    hidden_size: Size = 64
    num_hidden_layers: Layers = 2
    num_attention_heads: Size = 8
    tie_word_embeddings: bool = True


def build(config: Config) -> CausalLM:
    """Every layer is the same."""
    hidden = config.hidden_size
    attention = config.attention(qkv_bias=True, out_bias=True, fused=True, rotary=False)
    layer = DecoderLayer(hidden, attention, config.plain_mlp(bias=True), norm=LayerNorm)
    embedding = NormedEmbedding(Embedding(config.vocab_size, hidden), LayerNorm(hidden))
    return config.causal_lm([Repeat(layer, config.num_hidden_layers)], embedding, LayerNorm(hidden))
