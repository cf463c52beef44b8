"""Qwen3-MoE: Qwen3's attention and fine-grained experts without a shared one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from weighbridge.models.config import Layers, Size, Size0, window
from weighbridge.models.moe_config import SparseConfig
from weighbridge.nn import CausalLM, DecoderLayer, stack


@dataclass(frozen=True, kw_only=True)
class Config(SparseConfig):
    """Defaults of Qwen3-MoE as ``transformers`` has them."""

    family: ClassVar[str] = "Qwen3-MoE"
    aliases: ClassVar[dict[str, str]] = {"num_local_experts": "num_experts"}

    vocab_size: Size = 151936
    hidden_size: Size = 2048
    intermediate_size: Size = 6144
    num_hidden_layers: Layers = 24
    num_attention_heads: Size = 32
    num_key_value_heads: Size | None = 4
    attention_bias: bool = False
    use_sliding_window: bool = False
    sliding_window: Size0 | None = 4096
    num_experts: Size0 = 128
    num_experts_per_tok: Size = 8
    moe_intermediate_size: Size = 768


def build(config: Config) -> CausalLM:
    """Layers differ in being sparse or dense; the window, where it is used, is every layer's."""
    slides = window(config.sliding_window) if config.use_sliding_window else None

    def layer(kind: str) -> DecoderLayer:
        bias = config.attention_bias
        attention = config.attention(bias, bias, qk_norm=True, window=slides)
        return DecoderLayer(config.hidden_size, attention, config.feed_forward(kind))

    return config.causal_lm(stack(config.sparse(), layer, config.num_hidden_layers))
