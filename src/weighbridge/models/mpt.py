"""MPT: ALiBi instead of positions, no biases, queries, keys and values clipped where the configuration says so."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from weighbridge.models.config import Layers, Size
from weighbridge.models.equal_heads_config import EqualHeadsConfig
from weighbridge.models.section_config import Section
from weighbridge.nn import CausalLM, ClippedAttention, DecoderLayer, Repeat
from weighbridge.nn.attention import of_kind
from weighbridge.nn.norm import LayerNormWithoutBias
from weighbridge.traced import plain


@dataclass(frozen=True, kw_only=True)
class AttentionSection(Section):
    """What ``attn_config`` holds.

    Attributes:
        clip_qkv: the bound that queries, keys and values are clipped to; none if ``None``.
    """

    clip_qkv: float | None = None


@dataclass(frozen=True, kw_only=True)
class Config(EqualHeadsConfig):
    """Defaults as ``transformers`` has them. It builds biases, learned positions, norms of queries and keys or another
    ``expansion_ratio`` than 4 for no configuration.
    """

    family: ClassVar[str] = "MPT"
    aliases: ClassVar[dict[str, str]] = {
        "d_model": "hidden_size",
        "n_heads": "num_attention_heads",
        "n_layers": "num_hidden_layers",
    }

    vocab_size: Size = 50368
    hidden_size: Size = 2048
    num_hidden_layers: Layers = 24
    num_attention_heads: Size = 16
    attn_config: AttentionSection | None = field(default_factory=AttentionSection)
    tie_word_embeddings: bool = True


def build(config: Config) -> CausalLM:
    """Every layer is the same."""
    attention = config.attention(fused=True, rotary=False, fills=True)
    if config.attn_config is not None and plain(config.attn_config.clip_qkv):  # a bound of 0 is none
        attention = of_kind(ClippedAttention, attention)
    layer = DecoderLayer(config.hidden_size, attention, config.plain_mlp(), norm=LayerNormWithoutBias)
    norm = LayerNormWithoutBias(config.hidden_size)
    return config.causal_lm([Repeat(layer, config.num_hidden_layers)], norm=norm)
