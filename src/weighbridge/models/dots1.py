"""dots.llm1: Qwen3's attention and DeepSeek-V3's experts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from weighbridge.models.config import FULL, SLIDING, Layers, PatternConfig, Size, Size0
from weighbridge.models.fine_grained_config import FineGrainedConfig
from weighbridge.nn import CausalLM, DecoderLayer, stack
from weighbridge.traced import plain


@dataclass(frozen=True, kw_only=True)
class Config(FineGrainedConfig, PatternConfig):
    """Defaults as ``transformers`` has them; they leave the numbers of experts open."""

    family: ClassVar[str] = "dots.llm1"
    aliases: ClassVar[dict[str, str]] = {"num_local_experts": "n_routed_experts"}

    vocab_size: Size = 152064
    hidden_size: Size = 4608
    intermediate_size: Size = 10944
    num_hidden_layers: Layers = 62
    num_attention_heads: Size = 32
    num_key_value_heads: Size | None = 32
    attention_bias: bool = False
    sliding_window: Size0 | None = 4096
    max_window_layers: Size0 = 62
    first_k_dense_replace: Size0 = 0
    moe_intermediate_size: Size = 1408
    norm_topk_prob: bool = False

    def own_pattern(self) -> list[str]:
        layers = plain(self.num_hidden_layers)
        first = layers if self.sliding_window is None else plain(self.max_window_layers)
        return [SLIDING if i >= first else FULL for i in range(layers)]


def build(config: Config) -> CausalLM:
    """Layers differ in their window and in being sparse or dense."""

    def layer(kind: tuple[str, str]) -> DecoderLayer:
        bias = config.attention_bias
        attention = config.attention(bias, bias, qk_norm=True, window=config.window_of(kind[0]))
        return DecoderLayer(config.hidden_size, attention, config.moe() if kind[1] == "moe" else config.mlp())

    kinds = list(zip(config.pattern(), config.sparse(), strict=True))
    return config.causal_lm(stack(kinds, layer, config.num_hidden_layers))
