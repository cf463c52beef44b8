"""DeepSeek-V2: multi-head latent attention, fine-grained and shared experts, the first layers dense."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from weighbridge.models.config import Layers, Size, Size0
from weighbridge.models.fine_grained_config import FineGrainedConfig
from weighbridge.nn import CausalLM, DecoderLayer, GatedMLP, Module, MultiHeadLatentAttention
from weighbridge.nn.choice import Choice


@dataclass(frozen=True, kw_only=True)
class LatentConfig(FineGrainedConfig):
    """What DeepSeek-V2 and V3 share."""

    correction_bias: ClassVar[bool] = False
    angles: ClassVar[str] = "whole"

    num_attention_heads: Size
    q_lora_rank: Size | None
    kv_lora_rank: Size = 512
    qk_nope_head_dim: Size = 128
    qk_rope_head_dim: Size = 64
    v_head_dim: Size = 128
    attention_bias: bool = False

    def attention(self) -> Module:
        """This configuration's latent attention."""
        return MultiHeadLatentAttention(**self.latent_sizes())

    def latent_sizes(self) -> dict[str, Any]:
        """The fields of latent attention."""
        return {
            "hidden_size": self.hidden_size,
            "num_heads": self.num_attention_heads,
            "kv_lora_rank": self.kv_lora_rank,
            "qk_nope_head_dim": self.qk_nope_head_dim,
            "qk_rope_head_dim": self.qk_rope_head_dim,
            "v_head_dim": self.v_head_dim,
            "q_lora_rank": self.q_lora_rank,
            "bias": self.attention_bias,
            "angles": self.angles,
        }

    def layer(self, sparse: bool, mlp_bias: bool = False, attention: Module | None = None) -> DecoderLayer:
        """A dense or a sparse layer; ``mlp_bias`` is that of the dense network and of the shared experts."""
        dense = GatedMLP(self.hidden_size, self.intermediate_size, mlp_bias)
        return DecoderLayer(self.hidden_size, attention or self.attention(), self.moe(mlp_bias) if sparse else dense)


@dataclass(frozen=True, kw_only=True)
class Config(LatentConfig):
    """Defaults as ``transformers`` has them; they leave ``num_experts_per_tok`` open.

    Attributes:
        topk_method: "group_limited_greedy" chooses among the experts of some groups alone.
    """

    family: ClassVar[str] = "DeepSeek-V2"
    aliases: ClassVar[dict[str, str]] = {"num_experts": "n_routed_experts"}
    angles: ClassVar[str] = "complex"

    vocab_size: Size = 102400
    hidden_size: Size = 4096
    intermediate_size: Size = 11008
    num_hidden_layers: Layers = 32
    num_attention_heads: Size = 32
    q_lora_rank: Size | None = 1536
    first_k_dense_replace: Size0 = 0
    n_routed_experts: Size = 64
    n_shared_experts: Size0 = 2
    mlp_bias: bool = False
    moe_intermediate_size: Size = 1407
    topk_method: str = "greedy"

    def choice(self) -> Choice:
        limited = self.topk_method == "group_limited_greedy"
        return Choice(in_fp32=True, normalised=False, limited=limited)  # whatever norm_topk_prob says


def build(config: Config) -> CausalLM:
    """Dense layers first, sparse ones after."""

    def layer(kind: str) -> DecoderLayer:
        return config.layer(kind == "moe", config.mlp_bias)

    return config.causal_lm(config.runs(layer))
