"""Qwen1.5-MoE and Qwen2-MoE: Qwen2's attention, fine-grained experts, and a gated shared expert."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from weighbridge.models.config import FULL, SLIDING, Layers, PatternConfig, Size, Size0
from weighbridge.models.moe_config import SparseConfig
from weighbridge.nn import CausalLM, DecoderLayer, stack
from weighbridge.traced import plain


@dataclass(frozen=True, kw_only=True)
class Config(SparseConfig, PatternConfig):
    """Defaults of Qwen1.5-MoE-A2.7B."""

    family: ClassVar[str] = "Qwen2-MoE"

    vocab_size: Size = 151936
    hidden_size: Size = 2048
    intermediate_size: Size = 5632
    num_hidden_layers: Layers = 24
    num_attention_heads: Size = 16
    num_key_value_heads: Size | None = 16
    qkv_bias: bool = True
    num_experts: Size0 = 60
    num_experts_per_tok: Size = 4
    moe_intermediate_size: Size = 1408
    shared_expert_intermediate_size: Size0 = 5632
    use_sliding_window: bool = False
    sliding_window: Size0 | None = 4096
    max_window_layers: Size0 = 28

    def own_pattern(self) -> list[str]:
        last = plain(self.max_window_layers) if self.use_sliding_window else 0
        return [SLIDING if i % 2 == 0 and i < last else FULL for i in range(plain(self.num_hidden_layers))]


def build(config: Config) -> CausalLM:
    """Layers differ in their window and in being sparse or dense."""

    def layer(kind: tuple[str, str]) -> DecoderLayer:
        attention = config.attention(qkv_bias=config.qkv_bias, window=config.window_of(kind[0]))
        feed_forward = config.feed_forward(kind[1], config.shared_expert_intermediate_size)
        return DecoderLayer(config.hidden_size, attention, feed_forward)

    kinds = list(zip(config.pattern(), config.sparse(), strict=True))
    return config.causal_lm(stack(kinds, layer, config.num_hidden_layers))
