"""Kimi Linear: Kimi delta attention and, in every fourth layer, latent attention without positions; experts as in
DeepSeek-V3.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from weighbridge.arithmetic import Count
from weighbridge.models.config import FULL, LINEAR, Layers, Names, Places, Size, Size0, check_pattern, current_names
from weighbridge.models.config import Config as BaseConfig
from weighbridge.nn import (
    CausalLM,
    DecoderLayer,
    GatedMLP,
    KimiDeltaAttention,
    MixtureOfExperts,
    Module,
    MultiHeadLatentAttention,
    stack,
)
from weighbridge.nn.problems import Problem, at_most
from weighbridge.traced import plain


@dataclass(frozen=True, kw_only=True)
class LinearSection:
    """What published files say of linear attention in a section of its own.

    Attributes:
        full_attn_layers: layers with latent attention, from 1.
        kda_layers: layers with Kimi delta attention, from 1.
    """

    aliases: ClassVar[dict[str, str]] = {}

    head_dim: Size | None = None
    num_heads: Size | None = None
    short_conv_kernel_size: Size | None = None
    full_attn_layers: Places | None = None
    kda_layers: Places | None = None

    @property
    def named(self) -> list[int] | None:
        """The layers that it names, if it names those of both kinds."""
        if self.full_attn_layers is None or self.kda_layers is None:
            return None
        return [*self.full_attn_layers, *self.kda_layers]


@dataclass(frozen=True, kw_only=True)
class Config(BaseConfig):
    """Defaults of Kimi Linear 48B A3B.

    Attributes:
        linear_attn_config: sizes and places of linear attention, as published files have them; they win.
        first_k_dense_replace: layers at the start that are dense, where ``mlp_layer_types`` does not say.
    """

    family: ClassVar[str] = "Kimi Linear"
    aliases: ClassVar[dict[str, str]] = {
        "num_experts": "num_local_experts",
        "num_experts_per_token": "num_experts_per_tok",
        "num_shared_experts": "n_shared_experts",
    }

    vocab_size: Size = 163840
    hidden_size: Size = 2304
    intermediate_size: Size = 9216
    moe_intermediate_size: Size = 1024
    num_hidden_layers: Layers = 27
    num_attention_heads: Size = 32
    n_shared_experts: Size0 = 1
    kv_lora_rank: Size = 512
    q_lora_rank: Size | None = None
    qk_rope_head_dim: Size = 64
    v_head_dim: Size = 128
    qk_nope_head_dim: Size = 128
    num_experts_per_tok: Size = 8
    attention_bias: bool = False
    num_local_experts: Size = 256
    first_k_dense_replace: Size0 = 1
    mlp_layer_types: Names | None = None
    layer_types: Names | None = None
    linear_head_dim: Size = 128
    linear_num_heads: Size = 32
    linear_conv_kernel_dim: Size = 4
    linear_attn_config: LinearSection | None = None

    def problems(self) -> Iterator[Problem]:
        yield from super().problems()
        yield from at_most(self, "num_experts_per_tok", "num_local_experts")
        layers, section = self.num_hidden_layers, self.section
        if self.layer_types is not None:
            yield from check_pattern("layer_types", self.layer_types, (FULL, LINEAR), layers)
        elif section.named is not None and sorted(section.named) != list(range(1, layers + 1)):
            yield (
                "linear_attn_config",
                f"full_attn_layers and kda_layers do not name the layers 1 to {layers:,} once each",
            )
        if self.mlp_layer_types is not None:
            yield from check_pattern("mlp_layer_types", self.mlp_layer_types, ("dense", "sparse"), layers)

    @property
    def section(self) -> LinearSection:
        """What the section says of linear attention, if there is one."""
        return self.linear_attn_config or LinearSection()

    def pattern(self) -> list[tuple[str, str]]:
        """The mixer and the feed-forward network of each layer."""
        layers, dense = range(plain(self.num_hidden_layers)), plain(self.first_k_dense_replace)
        feeds = self.mlp_layer_types or ["dense" if i < dense else "sparse" for i in layers]
        return list(zip(self.mixers(), feeds, strict=True))

    def mixers(self) -> list[str]:
        """The mixer of each layer."""
        layers, full = range(plain(self.num_hidden_layers)), self.section.full_attn_layers or []
        if self.layer_types is not None:
            return current_names(self.layer_types)
        if self.section.named is not None:
            return [FULL if i + 1 in full else LINEAR for i in layers]
        return [FULL if i and i % 4 == 0 else LINEAR for i in layers]

    def mixer(self, kind: str) -> Module:
        """Kimi delta attention or latent attention."""
        if kind == FULL:
            heads = (self.qk_nope_head_dim, self.qk_rope_head_dim, self.v_head_dim)
            sizes = (self.hidden_size, self.num_attention_heads, self.kv_lora_rank, *heads, self.q_lora_rank)
            return MultiHeadLatentAttention(*sizes, self.attention_bias, rotary=False)
        section = self.section
        return KimiDeltaAttention(
            self.hidden_size,
            given(section.num_heads, self.linear_num_heads),
            given(section.head_dim, self.linear_head_dim),
            given(section.short_conv_kernel_size, self.linear_conv_kernel_dim),
        )

    def feed_forward(self, kind: str) -> Module:
        """A dense network or a mixture of experts."""
        if kind == "dense":
            return GatedMLP(self.hidden_size, self.intermediate_size)
        routed = (self.moe_intermediate_size, self.num_local_experts, self.num_experts_per_tok)
        shared = self.moe_intermediate_size * self.n_shared_experts
        return MixtureOfExperts(self.hidden_size, *routed, shared, correction_bias=True)


def given(value: Count | None, otherwise: Count) -> Count:
    """A value, or another one where it is not given."""
    return otherwise if value is None else value


def build(config: Config) -> CausalLM:
    """Layers differ in their mixer and in being sparse or dense. ``transformers`` never ties this family."""

    def layer(kind: tuple[str, str]) -> DecoderLayer:
        return DecoderLayer(config.hidden_size, config.mixer(kind[0]), config.feed_forward(kind[1]))

    return config.causal_lm(stack(config.pattern(), layer, config.num_hidden_layers), tied=False)
