"""Falcon: an MLP beside multi-query attention (7B) or grouped queries (40B, 180B), or after attention (RW)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from weighbridge.arithmetic import Count
from weighbridge.models.config import Layers, Size, Size0
from weighbridge.models.equal_heads_config import EqualHeadsConfig
from weighbridge.nn import (
    BroadcastAttention,
    CausalLM,
    DecoderLayer,
    GroupedQueryAttention,
    LayerNorm,
    Module,
    ParallelLayer,
    Repeat,
)
from weighbridge.nn.attention import of_kind
from weighbridge.nn.problems import Problem, must_divide
from weighbridge.traced import plain


@dataclass(frozen=True, kw_only=True)
class Config(EqualHeadsConfig):
    """Defaults of Falcon 7B.

    Attributes:
        num_kv_heads: key/value heads of the new architecture; as many as query heads if ``None``.
        new_decoder_architecture: Falcon 40B's: grouped queries, and both branches side by side in any case.
        multi_query: one key/value head in the old architecture; else as many as query heads.
        parallel_attn: in the old architecture, attention and MLP side by side.
        num_ln_in_parallel_attn: branches side by side have a LayerNorm each (2) or one for both; if ``None``, 2 in the
            new architecture.
        alibi: ALiBi instead of rotary positions.
        bias: projections have biases.
        ffn_hidden_size: width inside the MLP; four times the hidden size if ``None``.
    """

    family: ClassVar[str] = "Falcon"
    aliases: ClassVar[dict[str, str]] = {
        "n_embed": "hidden_size",
        "n_head": "num_attention_heads",
        "n_head_kv": "num_kv_heads",
        "n_layer": "num_hidden_layers",
    }

    vocab_size: Size = 65024
    hidden_size: Size = 4544
    num_hidden_layers: Layers = 32
    num_attention_heads: Size = 71
    num_kv_heads: Size | None = None
    new_decoder_architecture: bool | None = False
    multi_query: bool | None = True
    parallel_attn: bool | None = True
    num_ln_in_parallel_attn: Size0 | None = None
    alibi: bool | None = False
    bias: bool | None = False
    ffn_hidden_size: Size | None = None
    tie_word_embeddings: bool = True

    @property
    def kv_heads(self) -> Count:
        if self.new_decoder_architecture:
            return self.num_attention_heads if self.num_kv_heads is None else self.num_kv_heads
        return 1 if self.multi_query else self.num_attention_heads

    def problems(self) -> Iterator[Problem]:
        yield from super().problems()
        if self.new_decoder_architecture and self.num_kv_heads is not None:
            yield from must_divide(self, "num_attention_heads", "num_kv_heads")

    def mixer(self) -> GroupedQueryAttention:
        """Attention, whose keys and values the new architecture copies for every query head."""
        bias, new = bool(self.bias), bool(self.new_decoder_architecture)
        attention = self.attention(qkv_bias=bias, out_bias=bias, fused=True, rotary=not self.alibi)
        picked = new or bool(self.multi_query)
        return of_kind(BroadcastAttention, attention, broadcast=new, picked=picked, biased=bool(self.alibi))


def build(config: Config) -> CausalLM:
    """Every layer is the same."""
    hidden, new, norms = config.hidden_size, bool(config.new_decoder_architecture), config.num_ln_in_parallel_attn
    branches = config.mixer(), config.plain_mlp(config.ffn_hidden_size, bool(config.bias))
    own = plain(norms) == 2 if norms is not None else new
    layer: Module = DecoderLayer(hidden, *branches, norm=LayerNorm)
    if new or config.parallel_attn:
        layer = ParallelLayer(hidden, *branches, shared_norm=not own and bool(config.parallel_attn))
    return config.causal_lm([Repeat(layer, config.num_hidden_layers)], norm=LayerNorm(hidden))
