"""Bamba: Mamba 2 layers, of which the named ones have attention instead, and a gated feed-forward network in each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from weighbridge.models.config import FULL, LINEAR, Layers, Places, Size
from weighbridge.models.mamba_config import Mamba2Config
from weighbridge.nn import CausalLM, DecoderLayer, stack
from weighbridge.traced import plain


@dataclass(frozen=True, kw_only=True)
class Config(Mamba2Config):
    """Defaults of Bamba 9B, which leave open what layers attend.

    Attributes:
        attn_layer_indices: layers with attention.
    """

    family: ClassVar[str] = "Bamba"
    derived: ClassVar[dict[str, str]] = {"layers_block_type": "attn_layer_indices", "layer_types": "attn_layer_indices"}

    vocab_size: Size = 128000
    hidden_size: Size = 4096
    intermediate_size: Size = 14336
    num_hidden_layers: Layers = 32
    num_attention_heads: Size = 32
    num_key_value_heads: Size | None = 8
    attn_layer_indices: Places | None = None
    attention_bias: bool = False
    mlp_bias: bool = False

    def pattern(self) -> list[str]:
        """The mixer of each layer."""
        attends = set(self.attn_layer_indices or ())
        return [FULL if i in attends else LINEAR for i in range(plain(self.num_hidden_layers))]


def build(config: Config) -> CausalLM:
    """Layers differ in their mixer."""

    def layer(kind: str) -> DecoderLayer:
        bias = config.attention_bias
        mixer = config.attention(bias, bias) if kind == FULL else config.mamba()
        return DecoderLayer(config.hidden_size, mixer, config.mlp(config.mlp_bias))

    return config.causal_lm(stack(config.pattern(), layer, config.num_hidden_layers))
