"""MiMo-V2-Flash: sliding layers with sinks and twice the key/value heads, value heads narrower than the others, experts
in all layers but the first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

from weighbridge.arithmetic import Count, ceil_div, scale
from weighbridge.models.config import (
    FULL,
    SLIDING,
    Layers,
    Names,
    PatternConfig,
    Places,
    Size,
    Size0,
    check_pattern,
)
from weighbridge.models.partial_rotary_config import Share
from weighbridge.nn import CausalLM, DecoderLayer, GroupedQueryAttention, MixtureOfExperts, stack
from weighbridge.nn.choice import Choice
from weighbridge.nn.problems import Problem, at_most
from weighbridge.traced import plain

DENSE, SPARSE = "dense", "sparse"


@dataclass(frozen=True, kw_only=True)
class Config(PatternConfig):
    """Defaults of MiMo-V2-Flash.

    Attributes:
        head_dim: elements of a query or key head.
        v_head_dim: elements of a value head.
        swa_num_key_value_heads: key/value heads of sliding layers; twice those of others if ``None``.
        sliding_window_size: positions before its own that a sliding layer sees, as published files say it.
        hybrid_layer_pattern: of each layer 1 if it slides, as published files say it.
        mlp_layer_types: whether each layer is dense or sparse.
        partial_rotary_factor: share of each head's elements that positions turn.
        norm_topk_prob: weights of a token's experts are divided by their sum.
        moe_layer_freq: of each layer 1 if it is sparse, as published files say it.
    """

    family: ClassVar[str] = "MiMo-V2-Flash"
    aliases: ClassVar[dict[str, str]] = {"num_local_experts": "n_routed_experts"}

    vocab_size: Size = 152576
    hidden_size: Size = 4096
    intermediate_size: Size = 16384
    num_hidden_layers: Layers = 48
    num_attention_heads: Size = 64
    num_key_value_heads: Size = 4
    swa_num_key_value_heads: Size | None = None
    head_dim: Size = 192
    v_head_dim: Size = 128
    attention_bias: bool = False
    sliding_window: Size0 = 129
    sliding_window_size: Size0 | None = None
    hybrid_layer_pattern: Places | None = None
    mlp_layer_types: Names | None = None
    moe_layer_freq: Places | None = None
    n_routed_experts: Size = 256
    num_experts_per_tok: Size = 8
    moe_intermediate_size: Size = 2048
    partial_rotary_factor: Share = 0.334
    norm_topk_prob: bool = True

    def problems(self) -> Iterator[Problem]:
        yield from super().problems()
        yield from at_most(self, "num_experts_per_tok", "n_routed_experts")
        if SLIDING in self.pattern() and self.num_attention_heads % self.sliding_kv_heads:
            heads, groups = self.num_attention_heads, self.sliding_kv_heads
            yield (
                "num_attention_heads",
                f"{heads:,} does not divide by the {groups:,} key/value heads of sliding layers",
            )
        layers = self.num_hidden_layers
        if self.mlp_layer_types is not None:
            yield from check_pattern("mlp_layer_types", self.mlp_layer_types, (DENSE, SPARSE), layers)
        for field in ("hybrid_layer_pattern", "moe_layer_freq"):
            if getattr(self, field) is not None:
                yield from check_pattern(field, [str(flag) for flag in getattr(self, field)], ("0", "1"), layers)

    @property
    def sliding_kv_heads(self) -> Count:
        """Key/value heads of a sliding layer."""
        return 2 * self.num_key_value_heads if self.swa_num_key_value_heads is None else self.swa_num_key_value_heads

    def own_pattern(self) -> list[str]:
        if self.hybrid_layer_pattern is not None:
            return [SLIDING if slides else FULL for slides in self.hybrid_layer_pattern]
        return [FULL if i == 0 or (i + 1) % 6 == 0 else SLIDING for i in range(plain(self.num_hidden_layers))]

    def window_of(self, layer_type: str) -> Count | None:
        if layer_type == SLIDING and self.sliding_window_size is not None:
            return self.sliding_window_size + 1
        return super().window_of(layer_type)

    def sparse(self) -> list[str]:
        """Whether each layer is dense or sparse."""
        if self.mlp_layer_types is not None:
            return self.mlp_layer_types
        if self.moe_layer_freq is not None:
            return [SPARSE if flag else DENSE for flag in self.moe_layer_freq]
        return [DENSE if i == 0 else SPARSE for i in range(plain(self.num_hidden_layers))]

    def mixer(self, kind: str) -> GroupedQueryAttention:
        """The attention of a layer."""
        attention = replace(
            self.attention(self.attention_bias, window=self.window_of(kind), stable_softmax=True, angles_of=kind),
            v_head_dim=self.v_head_dim,
            partial_rotary=True,
            rotary_dim=2 * ceil_div(scale(self.head_dim, self.partial_rotary_factor), 2),
        )
        return replace(attention, num_kv_heads=self.sliding_kv_heads, sinks=True) if kind == SLIDING else attention

    def moe(self) -> MixtureOfExperts:
        """Its experts, with DeepSeek-V3's balancing and none shared."""
        return MixtureOfExperts(
            self.hidden_size,
            self.moe_intermediate_size,
            self.n_routed_experts,
            self.num_experts_per_tok,
            correction_bias=True,
            scoring=Choice("sigmoid", in_fp32=True, normalised=self.norm_topk_prob),
        )


def build(config: Config) -> CausalLM:
    """Layers differ in what they attend to and in being sparse or dense."""

    def layer(kind: tuple[str, str]) -> DecoderLayer:
        feed_forward = config.moe() if kind[1] == SPARSE else config.mlp()
        return DecoderLayer(config.hidden_size, config.mixer(kind[0]), feed_forward)

    kinds = list(zip(config.pattern(), config.sparse(), strict=True))
    return config.causal_lm(stack(kinds, layer, config.num_hidden_layers))
