"""GPT-J: attention without and an MLP with biases side by side after one LayerNorm; a head with a bias."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from weighbridge.models.config import Layers, Size
from weighbridge.models.equal_heads_config import EqualHeadsConfig
from weighbridge.nn import CausalLM, Head, LayerNorm, ParallelLayer, PartialRotaryAttention, Repeat
from weighbridge.nn.attention import of_kind


@dataclass(frozen=True, kw_only=True)
class Config(EqualHeadsConfig):
    """Defaults of GPT-J 6B.

    Attributes:
        n_inner: width inside the MLP; four times the hidden size if ``None``.
        rotary_dim: elements of each head that positions turn; all if ``None``.
    """

    family: ClassVar[str] = "GPT-J"
    aliases: ClassVar[dict[str, str]] = {
        "n_embd": "hidden_size",
        "n_head": "num_attention_heads",
        "n_layer": "num_hidden_layers",
    }

    vocab_size: Size = 50400
    hidden_size: Size = 4096
    n_inner: Size | None = None
    num_hidden_layers: Layers = 28
    num_attention_heads: Size = 16
    rotary_dim: Size | None = 64


def build(config: Config) -> CausalLM:
    """Every layer is the same."""
    hidden = config.hidden_size
    attention = config.attention(wide_scores=True, angles="interleaved apart")
    if config.rotary_dim is not None:
        attention = of_kind(PartialRotaryAttention, attention, rotary_dim=config.rotary_dim, partial_rotary=True)
    mlp = config.plain_mlp(config.n_inner, bias=True, activation="gelu_new")
    layer = ParallelLayer(hidden, attention, mlp)
    head = Head(hidden, config.vocab_size, config.tie_word_embeddings, bias=True)
    return config.causal_lm([Repeat(layer, config.num_hidden_layers)], norm=LayerNorm(hidden), head=head)
