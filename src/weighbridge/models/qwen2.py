"""Qwen 1.5, 2 and 2.5: Llama's block with biases on q, k and v, and optional sliding layers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from weighbridge.models.config import FULL, SLIDING, Layers, PatternConfig, Size, Size0
from weighbridge.nn import CausalLM, DecoderLayer, stack
from weighbridge.traced import plain


@dataclass(frozen=True, kw_only=True)
class Config(PatternConfig):
    """Defaults of Qwen2 7B as ``transformers`` has them."""

    family: ClassVar[str] = "Qwen2"

    vocab_size: Size = 151936
    hidden_size: Size = 4096
    intermediate_size: Size = 22016
    num_hidden_layers: Layers = 32
    num_attention_heads: Size = 32
    num_key_value_heads: Size | None = 32
    use_sliding_window: bool = False
    sliding_window: Size0 | None = 4096
    max_window_layers: Size0 = 28

    def own_pattern(self) -> list[str]:
        slides = self.use_sliding_window and self.sliding_window is not None
        first = plain(self.max_window_layers) if slides else plain(self.num_hidden_layers)
        return [SLIDING if i >= first else FULL for i in range(plain(self.num_hidden_layers))]


def layer(config: Config, kind: str) -> DecoderLayer:
    """A layer of that kind of attention."""
    attention = config.attention(qkv_bias=True, window=config.window_of(kind))
    return DecoderLayer(config.hidden_size, attention, config.mlp())


def build(config: Config) -> CausalLM:
    """Layers differ only in their window."""
    return config.causal_lm(stack(config.pattern(), partial(layer, config), config.num_hidden_layers))
