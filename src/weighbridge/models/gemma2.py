"""Gemma 2: sandwich norms, alternating sliding and full attention, tied embeddings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from weighbridge.models.config import FULL, SLIDING, Layers, PatternConfig, Size, Size0, every
from weighbridge.nn import CausalLM, DecoderLayer, stack
from weighbridge.nn.problems import Problem, must_divide


@dataclass(frozen=True, kw_only=True)
class Config(PatternConfig):
    """Defaults of Gemma 2 2B."""

    family: ClassVar[str] = "Gemma 2"
    qk_norm: ClassVar[bool] = False

    vocab_size: Size = 256000
    hidden_size: Size = 2304
    intermediate_size: Size = 9216
    num_hidden_layers: Layers = 26
    num_attention_heads: Size = 8
    num_key_value_heads: Size | None = 4
    head_dim: Size | None = 256
    tie_word_embeddings: bool = True
    attention_bias: bool = False
    sliding_window: Size0 | None = 4096

    def problems(self) -> Iterator[Problem]:
        yield from super().problems()
        yield from must_divide(self, "hidden_size", "num_attention_heads")

    def own_pattern(self) -> list[str]:
        return every(self.num_hidden_layers, 2, FULL, SLIDING)


def build(config: Config) -> CausalLM:
    """Layers differ only in their window."""

    def layer(kind: str) -> DecoderLayer:
        bias = config.attention_bias
        attention = config.attention(bias, bias, qk_norm=config.qk_norm, window=config.window_of(kind))
        return DecoderLayer(config.hidden_size, attention, config.mlp(activation="gelu"), sandwich=True)

    return config.causal_lm(stack(config.pattern(), layer, config.num_hidden_layers))
