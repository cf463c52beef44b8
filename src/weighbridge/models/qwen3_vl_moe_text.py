"""The language model of Qwen3-VL-MoE: Qwen3-MoE's without windows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from weighbridge.models.config import Layers, Size, Size0
from weighbridge.models.moe_config import SparseConfig
from weighbridge.nn import CausalLM, DecoderLayer, stack


@dataclass(frozen=True, kw_only=True)
class Config(SparseConfig):
    """Defaults as ``transformers`` has them."""

    family: ClassVar[str] = "Qwen3-VL-MoE text"
    aliases: ClassVar[dict[str, str]] = {"num_local_experts": "num_experts"}

    vocab_size: Size = 151936
    hidden_size: Size = 2048
    intermediate_size: Size = 5632
    num_hidden_layers: Layers = 24
    num_attention_heads: Size = 16
    num_key_value_heads: Size = 16
    attention_bias: bool = False
    tie_word_embeddings: bool = True
    num_experts: Size0 = 60
    num_experts_per_tok: Size = 4
    moe_intermediate_size: Size = 1408
    norm_topk_prob: bool = True


def build(config: Config) -> CausalLM:
    """Layers differ in being sparse or dense."""

    def layer(kind: str) -> DecoderLayer:
        attention = config.attention(config.attention_bias, config.attention_bias, qk_norm=True)
        return DecoderLayer(config.hidden_size, replace(attention, positions_each=True), config.feed_forward(kind))

    return config.causal_lm(stack(config.sparse(), layer, config.num_hidden_layers))
