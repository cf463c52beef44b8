"""Command R7B and Command A: three sliding layers with rotary positions to one that sees everything, without any."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from weighbridge.models.config import FULL, SLIDING, Layers, PatternConfig, Size, Size0, every
from weighbridge.nn import CausalLM, ParallelLayer, stack
from weighbridge.nn.norm import WideLayerNorm


@dataclass(frozen=True, kw_only=True)
class Config(PatternConfig):
    """Defaults as ``transformers`` has them.

    Attributes:
        sliding_window_pattern: every so many layers one sees everything.
    """

    family: ClassVar[str] = "Cohere 2"

    vocab_size: Size = 256000
    hidden_size: Size = 8192
    intermediate_size: Size = 22528
    num_hidden_layers: Layers = 40
    num_attention_heads: Size = 64
    sliding_window: Size0 | None = 4096
    sliding_window_pattern: Size = 4
    attention_bias: bool = False
    tie_word_embeddings: bool = True

    def own_pattern(self) -> list[str]:
        return every(self.num_hidden_layers, self.sliding_window_pattern, FULL, SLIDING)


def build(config: Config) -> CausalLM:
    """Layers differ in their window, and with it in their positions."""
    bias, hidden = config.attention_bias, config.hidden_size

    def layer(kind: str) -> ParallelLayer:
        window = config.window_of(kind)
        attention = replace(config.attention(bias, bias, window=window), rotary=window is not None)
        return ParallelLayer(hidden, attention, config.mlp(), WideLayerNorm)

    layers = stack(config.pattern(), layer, config.num_hidden_layers)
    return config.causal_lm(layers, norm=WideLayerNorm(hidden))
