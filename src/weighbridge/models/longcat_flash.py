"""LongCat-Flash: layers of two latent attentions and two dense networks with a shortcut past a mixture of experts, of
which some compute nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from weighbridge.models.config import Config as BaseConfig
from weighbridge.models.config import Layers, Size, Size0
from weighbridge.nn import (
    CausalLM,
    GatedMLP,
    MixtureOneByOne,
    MultiHeadLatentAttention,
    Repeat,
    ShortcutLayer,
)
from weighbridge.nn.choice import Choice
from weighbridge.nn.problems import Problem
from weighbridge.traced import plain


@dataclass(frozen=True, kw_only=True)
class Config(BaseConfig):
    """Defaults of LongCat-Flash-Chat.

    Attributes:
        num_layers: layers, each with two attentions.
        num_hidden_layers: twice as many, as ``transformers`` counts; not needed.
        moe_topk: experts that a token goes to, those that compute nothing included.
        zero_expert_num: experts that give a token back as it is.
    """

    family: ClassVar[str] = "LongCat-Flash"
    aliases: ClassVar[dict[str, str]] = {
        "num_local_experts": "n_routed_experts",
        "num_experts_per_tok": "moe_topk",
        "intermediate_size": "ffn_hidden_size",
        "moe_intermediate_size": "expert_ffn_hidden_size",
    }

    vocab_size: Size = 131072
    hidden_size: Size = 6144
    num_layers: Layers = 28
    num_hidden_layers: Layers | None = None  # type: ignore[assignment]
    num_attention_heads: Size = 64
    attention_bias: bool = False
    q_lora_rank: Size | None = 1536
    kv_lora_rank: Size = 512
    qk_nope_head_dim: Size = 128
    qk_rope_head_dim: Size = 64
    v_head_dim: Size = 128
    ffn_hidden_size: Size = 12288
    moe_topk: Size = 12
    n_routed_experts: Size = 512
    zero_expert_num: Size0 | None = 256
    expert_ffn_hidden_size: Size = 2048
    router_bias: bool = False

    def problems(self) -> Iterator[Problem]:
        yield from super().problems()
        if self.num_hidden_layers is not None and self.num_hidden_layers != 2 * self.num_layers:
            yield "num_hidden_layers", f"{self.num_hidden_layers:,} is not twice num_layers = {self.num_layers:,}"
        choices = self.n_routed_experts + (self.zero_expert_num or 0)
        if self.moe_topk > choices:
            yield "moe_topk", f"{self.moe_topk:,} is more than the {choices:,} experts there are, zero experts included"

    def notes(self) -> Iterator[str]:
        unused = self.num_layers * (self.zero_expert_num or 0) * 2 * self.expert_ffn_hidden_size * self.hidden_size
        if unused:
            yield (
                f"transformers makes {unused:,} parameters for gate and up projections of the {self.zero_expert_num:,} "
                "experts that compute nothing; they are counted as it counts them, but no checkpoint holds them"
            )


def build(config: Config) -> CausalLM:
    """Every layer is the same."""
    mixers = [
        MultiHeadLatentAttention(
            config.hidden_size,
            config.num_attention_heads,
            config.kv_lora_rank,
            config.qk_nope_head_dim,
            config.qk_rope_head_dim,
            config.v_head_dim,
            config.q_lora_rank,
            config.attention_bias,
        )
        for _ in range(2)
    ]
    dense = [GatedMLP(config.hidden_size, config.ffn_hidden_size) for _ in range(2)]
    zero = config.zero_expert_num
    experts = MixtureOneByOne(
        config.hidden_size,
        config.expert_ffn_hidden_size,
        config.n_routed_experts,
        config.moe_topk,
        router_bias=config.router_bias,
        correction_bias=True,
        zero_experts=None if zero is None or plain(zero) == 0 else zero,
        scoring=Choice(in_fp32=True, normalised=False),
    )
    layer = ShortcutLayer(config.hidden_size, tuple(mixers), tuple(dense), experts)
    return config.causal_lm([Repeat(layer, config.num_layers)])
