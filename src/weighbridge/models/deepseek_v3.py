"""DeepSeek-V3 and R1: V2's block with balanced routing, and a multi-token prediction layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from weighbridge.models.config import Layers, Size, Size0
from weighbridge.models.deepseek_v2 import LatentConfig
from weighbridge.nn import CausalLM


@dataclass(frozen=True, kw_only=True)
class Config(LatentConfig):
    """Defaults of DeepSeek-V3."""

    family: ClassVar[str] = "DeepSeek-V3"
    correction_bias: ClassVar[bool] = True
    aliases: ClassVar[dict[str, str]] = {
        "num_local_experts": "n_routed_experts",
        "num_mtp_layers": "num_nextn_predict_layers",
    }

    vocab_size: Size = 129280
    hidden_size: Size = 7168
    intermediate_size: Size = 18432
    num_hidden_layers: Layers = 61
    num_attention_heads: Size = 128
    q_lora_rank: Size | None = 1536
    first_k_dense_replace: Size0 = 3
    n_routed_experts: Size = 256
    n_shared_experts: Size0 = 1
    num_experts_per_tok: Size = 8
    moe_intermediate_size: Size = 2048
    num_nextn_predict_layers: Size0 | None = 1


def build(config: Config) -> CausalLM:
    """Dense layers first, sparse ones after, then the prediction layers, which are sparse."""
    runs = config.runs(lambda kind: config.layer(kind == "moe"))
    prediction = config.prediction(config.num_nextn_predict_layers, config.layer(sparse=True))
    return config.causal_lm(runs, prediction=prediction)
