"""OPT: learned positions, ReLU, biases; the 350M model has narrow embeddings and normalises after each branch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from weighbridge.arithmetic import Count
from weighbridge.models.config import Layers, Size
from weighbridge.models.equal_heads_config import EqualHeadsConfig
from weighbridge.nn import (
    CausalLM,
    DecoderLayer,
    Head,
    Module,
    PostNormLayer,
    ProjectedEmbedding,
    ProjectedNorm,
    Repeat,
)
from weighbridge.nn.norm import LayerNorm, PlainLayerNorm
from weighbridge.traced import plain


@dataclass(frozen=True, kw_only=True)
class Config(EqualHeadsConfig):
    """Defaults of OPT 125M.

    Attributes:
        ffn_dim: width inside the MLP.
        max_position_embeddings: learned positions; their table has two rows more.
        do_layer_norm_before: normalise the input of each branch and the last hidden state; else the sum after each.
        remove_final_layer_norm: leave out the normalisation of the last hidden state, as some old checkpoints do.
        word_embed_proj_dim: width of the token table, projected to the hidden size; the hidden size if ``None``.
        enable_bias: projections have biases.
        layer_norm_elementwise_affine: normalisations have weights and biases.
    """

    family: ClassVar[str] = "OPT"
    aliases: ClassVar[dict[str, str]] = {"_remove_final_layer_norm": "remove_final_layer_norm"}

    vocab_size: Size = 50272
    hidden_size: Size = 768
    ffn_dim: Size = 3072
    num_hidden_layers: Layers = 12
    num_attention_heads: Size = 12
    max_position_embeddings: Size = 2048
    do_layer_norm_before: bool = True
    remove_final_layer_norm: bool = False
    word_embed_proj_dim: Size | None = None
    enable_bias: bool = True
    layer_norm_elementwise_affine: bool = True
    tie_word_embeddings: bool = True

    @property
    def narrow(self) -> Count | None:
        """Width of the token table where it is another than the hidden size."""
        same = plain(self.word_embed_proj_dim) == plain(self.hidden_size)
        return None if isinstance(same, bool) and same else self.word_embed_proj_dim


def build(config: Config) -> CausalLM:
    """Every layer is the same."""
    hidden, vocab, bias = config.hidden_size, config.vocab_size, config.enable_bias
    norm = LayerNorm if config.layer_norm_elementwise_affine else PlainLayerNorm
    attention = config.attention(qkv_bias=bias, out_bias=bias, rotary=False)
    arrangement = DecoderLayer if config.do_layer_norm_before else PostNormLayer
    layer: Module = arrangement(hidden, attention, config.plain_mlp(config.ffn_dim, bias, "relu"), norm=norm)
    narrow = config.narrow
    last = norm(hidden) if config.do_layer_norm_before and not config.remove_final_layer_norm else None
    return config.causal_lm(
        [Repeat(layer, config.num_hidden_layers)],
        ProjectedEmbedding(vocab, config.max_position_embeddings, hidden, 2, narrow),
        last if last is not None and narrow is None else ProjectedNorm(hidden, last, narrow),
        head=Head(hidden if narrow is None else narrow, vocab, config.tie_word_embeddings),
    )
