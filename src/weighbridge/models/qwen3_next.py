"""Qwen3-Next: three gated delta nets to one gated attention, and sparse experts with a shared one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from weighbridge.models.config import Layers, Size, Size0
from weighbridge.models.delta_config import DeltaConfig
from weighbridge.models.moe_config import SparseConfig
from weighbridge.nn import CausalLM, DecoderLayer, stack
from weighbridge.nn.norm import OffsetRMSNorm


@dataclass(frozen=True, kw_only=True)
class Config(SparseConfig, DeltaConfig):
    """Defaults of Qwen3-Next-80B-A3B."""

    family: ClassVar[str] = "Qwen3-Next"

    vocab_size: Size = 151936
    hidden_size: Size = 2048
    intermediate_size: Size = 5632
    num_hidden_layers: Layers = 48
    num_attention_heads: Size = 16
    num_key_value_heads: Size | None = 2
    head_dim: Size | None = 256
    num_experts: Size0 = 512
    num_experts_per_tok: Size = 10
    moe_intermediate_size: Size = 512
    shared_expert_intermediate_size: Size0 = 512
    norm_topk_prob: bool = True


def build(config: Config) -> CausalLM:
    """Layers differ in their mixer and in being sparse or dense."""

    def layer(kind: tuple[str, str]) -> DecoderLayer:
        feed_forward = config.feed_forward(kind[1], config.shared_expert_intermediate_size)
        return DecoderLayer(config.hidden_size, config.mixer(kind[0]), feed_forward, OffsetRMSNorm)

    kinds = list(zip(config.pattern(), config.sparse(), strict=True))
    layers = stack(kinds, layer, config.num_hidden_layers)
    return config.causal_lm(layers, norm=OffsetRMSNorm(config.hidden_size))
