"""Qwen3: Qwen2's pattern with a norm on queries and keys instead of biases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from weighbridge.models import qwen2
from weighbridge.models.config import Size
from weighbridge.nn import CausalLM, DecoderLayer, stack


@dataclass(frozen=True, kw_only=True)
class Config(qwen2.Config):
    """Defaults of Qwen3 8B as ``transformers`` has them."""

    family: ClassVar[str] = "Qwen3"

    head_dim: Size | None = 128
    attention_bias: bool = False


def build(config: Config) -> CausalLM:
    """Layers differ only in their window."""

    def layer(kind: str) -> DecoderLayer:
        bias = config.attention_bias
        attention = config.attention(bias, bias, qk_norm=True, window=config.window_of(kind))
        return DecoderLayer(config.hidden_size, attention, config.mlp())

    return config.causal_lm(stack(config.pattern(), layer, config.num_hidden_layers))
