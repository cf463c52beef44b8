"""GLM-4.5 to 4.7: grouped-query attention, optionally with a norm on queries and keys; DeepSeek-V3's experts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from weighbridge.models.config import AttentionConfig, Layers, Size, Size0
from weighbridge.models.fine_grained_config import FineGrainedConfig
from weighbridge.models.partial_rotary_config import PartialRotaryConfig, Share
from weighbridge.nn import CausalLM, DecoderLayer


@dataclass(frozen=True, kw_only=True)
class Config(FineGrainedConfig, AttentionConfig, PartialRotaryConfig):
    """Defaults of GLM-4.5-Air as ``transformers`` has them, which leaves its ``head_dim`` of 128 out."""

    family: ClassVar[str] = "GLM-4.5"
    rounds_head_dim: ClassVar[bool] = True
    aliases: ClassVar[dict[str, str]] = {
        "num_local_experts": "n_routed_experts",
        "num_mtp_layers": "num_nextn_predict_layers",
    }

    vocab_size: Size = 151552
    hidden_size: Size = 4096
    intermediate_size: Size = 10944
    num_hidden_layers: Layers = 46
    num_attention_heads: Size = 96
    num_key_value_heads: Size | None = 8
    attention_bias: bool = False
    use_qk_norm: bool = False
    partial_rotary_factor: Share = 0.5
    first_k_dense_replace: Size0 = 1
    n_routed_experts: Size = 128
    n_shared_experts: Size0 = 1
    num_experts_per_tok: Size = 8
    moe_intermediate_size: Size = 1408
    num_nextn_predict_layers: Size0 | None = 1


def build(config: Config) -> CausalLM:
    """Dense layers first, sparse ones after, then the prediction layers, which are sparse."""

    def layer(kind: str) -> DecoderLayer:
        attention = config.partly_turned(config.attention(config.attention_bias, qk_norm=config.use_qk_norm))
        return DecoderLayer(config.hidden_size, attention, config.moe() if kind == "moe" else config.mlp())

    prediction = config.prediction(config.num_nextn_predict_layers, layer("moe"))
    return config.causal_lm(config.runs(layer), prediction=prediction)
