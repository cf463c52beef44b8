"""Phi-3.5-MoE: Mixtral's block with layer normalisations. SparseMixer chooses two experts for every token, whatever
``num_experts_per_tok`` says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Interval

from weighbridge.models.config import LARGEST, AttentionConfig, Layers, Size, Size0, window
from weighbridge.nn import CausalLM, DecoderLayer, Head, LayerNorm, MixtureOfExperts, Repeat
from weighbridge.nn.choice import Choice

CHOSEN = 2
"""Experts that SparseMixer chooses (transformers, models/phimoe/modeling_phimoe.py, sparsemixer)."""


@dataclass(frozen=True, kw_only=True)
class Config(AttentionConfig):
    """Defaults of Phi-3.5-MoE."""

    family: ClassVar[str] = "Phi-MoE"

    vocab_size: Size = 32064
    hidden_size: Size = 4096
    intermediate_size: Size = 6400
    num_hidden_layers: Layers = 32
    num_attention_heads: Size = 32
    num_key_value_heads: Size | None = 8
    sliding_window: Size0 | None = None
    num_local_experts: Annotated[int, Interval(ge=CHOSEN, le=LARGEST)] = 16
    attention_bias: bool = False
    lm_head_bias: bool = False


def build(config: Config) -> CausalLM:
    """Every layer is the same."""
    bias = config.attention_bias
    attention = config.attention(bias, bias, window=window(config.sliding_window))
    sizes = (config.hidden_size, config.intermediate_size, config.num_local_experts, CHOSEN)
    moe = MixtureOfExperts(*sizes, scoring=Choice("sparse mixer"))
    layers = [Repeat(DecoderLayer(config.hidden_size, attention, moe, LayerNorm), config.num_hidden_layers)]
    head = Head(config.hidden_size, config.vocab_size, config.tie_word_embeddings, config.lm_head_bias)
    return config.causal_lm(layers, norm=LayerNorm(config.hidden_size), head=head)
