"""Apertus: a norm on queries and keys, and two projections around xIELU, whose two slopes are learned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from weighbridge.models.config import AttentionConfig, Layers, Size
from weighbridge.nn import MLP, XIELUMLP, CausalLM, DecoderLayer, Repeat


@dataclass(frozen=True, kw_only=True)
class Config(AttentionConfig):
    """Defaults of Apertus 8B as ``transformers`` has them.

    Attributes:
        hidden_act: the activation; only xielu has parameters.
    """

    family: ClassVar[str] = "Apertus"

    vocab_size: Size = 131072
    hidden_size: Size = 4096
    intermediate_size: Size = 14336
    num_hidden_layers: Layers = 32
    num_attention_heads: Size = 32
    hidden_act: str = "xielu"
    attention_bias: bool = False


def build(config: Config) -> CausalLM:
    """Every layer is the same."""
    bias, hidden, inner = config.attention_bias, config.hidden_size, config.intermediate_size
    learned = config.hidden_act == "xielu"
    mlp = XIELUMLP(hidden, inner) if learned else MLP(hidden, inner, activation=config.hidden_act)
    layer = DecoderLayer(hidden, config.attention(bias, bias, qk_norm=True), mlp)
    return config.causal_lm([Repeat(layer, config.num_hidden_layers)])
