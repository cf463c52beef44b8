"""Phi 1 to 2: attention and MLP with biases side by side after one LayerNorm; a head with a bias."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

from weighbridge.models.config import AttentionConfig, Layers, Size
from weighbridge.models.equal_heads_config import heads_fill_hidden
from weighbridge.models.partial_rotary_config import PartialRotaryConfig, Share
from weighbridge.nn import MLP, CausalLM, Head, LayerNorm, ParallelLayer, Repeat
from weighbridge.nn.problems import Problem


@dataclass(frozen=True, kw_only=True)
class Config(AttentionConfig, PartialRotaryConfig):
    """Defaults as ``transformers`` has them.

    Attributes:
        qk_layernorm: queries and keys are normalised, each head by itself.
    """

    family: ClassVar[str] = "Phi"

    vocab_size: Size = 51200
    hidden_size: Size = 2048
    intermediate_size: Size = 8192
    num_hidden_layers: Layers = 24
    num_attention_heads: Size = 32
    partial_rotary_factor: Share = 0.5
    qk_layernorm: bool = False

    def problems(self) -> Iterator[Problem]:
        yield from super().problems()
        if self.qk_layernorm:
            yield from heads_fill_hidden(self)


def build(config: Config) -> CausalLM:
    """Every layer is the same."""
    hidden = config.hidden_size
    attention = replace(config.attention(True, True, qk_norm=config.qk_layernorm), norm="LayerNorm")
    mlp = MLP(hidden, config.intermediate_size, bias=True, activation="gelu_new")
    layer = ParallelLayer(hidden, config.partly_turned(attention), mlp)
    head = Head(hidden, config.vocab_size, config.tie_word_embeddings, bias=True)
    return config.causal_lm([Repeat(layer, config.num_hidden_layers)], norm=LayerNorm(hidden), head=head)
