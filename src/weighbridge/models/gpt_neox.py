"""GPT-NeoX and Pythia: attention and MLP side by side, each after a LayerNorm of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from weighbridge.models.config import Layers, Size
from weighbridge.models.equal_heads_config import EqualHeadsConfig
from weighbridge.models.partial_rotary_config import PartialRotaryConfig, Share
from weighbridge.nn import CausalLM, DecoderLayer, LayerNorm, Module, ParallelLayer, Repeat


@dataclass(frozen=True, kw_only=True)
class Config(EqualHeadsConfig, PartialRotaryConfig):
    """Defaults of GPT-NeoX 20B.

    Attributes:
        intermediate_size: width inside the MLP, whose projections always have biases.
        attention_bias: attention's projections have biases too.
        use_parallel_residual: both branches read the same stream; else the MLP reads what attention was added to.
    """

    family: ClassVar[str] = "GPT-NeoX"
    aliases: ClassVar[dict[str, str]] = {"rotary_pct": "partial_rotary_factor"}

    vocab_size: Size = 50432
    hidden_size: Size = 6144
    intermediate_size: Size = 24576
    num_hidden_layers: Layers = 44
    num_attention_heads: Size = 64
    attention_bias: bool = True
    partial_rotary_factor: Share = 0.25
    use_parallel_residual: bool = True


def build(config: Config) -> CausalLM:
    """Every layer is the same."""
    hidden, bias = config.hidden_size, config.attention_bias
    attention = config.partly_turned(config.attention(qkv_bias=bias, out_bias=bias, fused=True))
    branches = attention, config.plain_mlp(config.intermediate_size, True)
    layer: Module = DecoderLayer(hidden, *branches, norm=LayerNorm)
    if config.use_parallel_residual:
        layer = ParallelLayer(hidden, *branches, shared_norm=False)
    return config.causal_lm([Repeat(layer, config.num_hidden_layers)], norm=LayerNorm(hidden))
