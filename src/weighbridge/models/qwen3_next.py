"""Qwen3-Next: three gated delta nets to one gated attention, and sparse experts with a shared one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from weighbridge.models.config import FULL, LINEAR, Layers, PatternConfig, Size, Size0, every
from weighbridge.models.moe_config import SparseConfig
from weighbridge.nn import CausalLM, DecoderLayer, GatedDeltaNet, Module, stack
from weighbridge.nn.problems import Problem, must_divide


@dataclass(frozen=True, kw_only=True)
class Config(SparseConfig, PatternConfig):
    """Defaults of Qwen3-Next-80B-A3B."""

    family: ClassVar[str] = "Qwen3-Next"
    layer_choices: ClassVar[tuple[str, ...]] = (FULL, LINEAR)

    vocab_size: Size = 151936
    hidden_size: Size = 2048
    intermediate_size: Size = 5632
    num_hidden_layers: Layers = 48
    num_attention_heads: Size = 16
    num_key_value_heads: Size | None = 2
    head_dim: Size | None = 256
    attention_bias: bool = False
    full_attention_interval: Size = 4
    linear_conv_kernel_dim: Size = 4
    linear_key_head_dim: Size = 128
    linear_value_head_dim: Size = 128
    linear_num_key_heads: Size = 16
    linear_num_value_heads: Size = 32
    num_experts: Size0 = 512
    num_experts_per_tok: Size = 10
    moe_intermediate_size: Size = 512
    shared_expert_intermediate_size: Size0 = 512
    norm_topk_prob: bool = True

    def problems(self) -> Iterator[Problem]:
        yield from super().problems()
        yield from must_divide(self, "linear_num_value_heads", "linear_num_key_heads")

    def own_pattern(self) -> list[str]:
        return every(self.num_hidden_layers, self.full_attention_interval, FULL, LINEAR)

    def mixer(self, layer_type: str) -> Module:
        """Gated delta net or gated attention."""
        if layer_type == LINEAR:
            return GatedDeltaNet(
                self.hidden_size,
                self.linear_num_key_heads,
                self.linear_num_value_heads,
                self.linear_key_head_dim,
                self.linear_value_head_dim,
                self.linear_conv_kernel_dim,
            )
        return self.attention(self.attention_bias, self.attention_bias, qk_norm=True, output_gate=True)


def build(config: Config) -> CausalLM:
    """Layers differ in their mixer and in being sparse or dense."""

    def layer(kind: tuple[str, str]) -> DecoderLayer:
        feed_forward = config.feed_forward(kind[1], config.shared_expert_intermediate_size)
        return DecoderLayer(config.hidden_size, config.mixer(kind[0]), feed_forward)

    kinds = list(zip(config.pattern(), config.sparse(), strict=True))
    return config.causal_lm(stack(kinds, layer, config.num_hidden_layers))
