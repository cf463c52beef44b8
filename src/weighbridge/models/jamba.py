"""Jamba: Mamba 1 with normalised step sizes, attention without positions in a few layers, experts in every other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from weighbridge.models.config import FULL, LINEAR, AttentionConfig, Layers, Size, Size0
from weighbridge.models.mamba_config import Auto, step_rank
from weighbridge.nn import CausalLM, DecoderLayer, Mamba1, MixtureOfExperts, stack
from weighbridge.nn.problems import Problem, at_most
from weighbridge.traced import plain


@dataclass(frozen=True, kw_only=True)
class Config(AttentionConfig):
    """Defaults of Jamba v0.1.

    Attributes:
        attn_layer_period, attn_layer_offset: layers with attention: one in a period, at that place of it.
        expert_layer_period, expert_layer_offset: layers with experts, if there is more than one.
    """

    family: ClassVar[str] = "Jamba"
    aliases: ClassVar[dict[str, str]] = {"num_local_experts": "num_experts"}
    derived: ClassVar[dict[str, str]] = {"layers_block_type": "attn_layer_period", "layer_types": "attn_layer_period"}

    vocab_size: Size = 65536
    hidden_size: Size = 4096
    intermediate_size: Size = 14336
    num_hidden_layers: Layers = 32
    num_attention_heads: Size = 32
    num_key_value_heads: Size | None = 8
    num_experts_per_tok: Size = 2
    num_experts: Size0 = 16
    expert_layer_period: Size = 2
    expert_layer_offset: Size0 = 1
    attn_layer_period: Size = 8
    attn_layer_offset: Size0 = 4
    mamba_d_state: Size = 16
    mamba_d_conv: Size = 4
    mamba_expand: Size = 2
    mamba_dt_rank: Size | Auto = "auto"
    mamba_conv_bias: bool = True
    mamba_proj_bias: bool = False

    def problems(self) -> Iterator[Problem]:
        yield from super().problems()
        if self.num_experts > 1:
            yield from at_most(self, "num_experts_per_tok", "num_experts")
        for what in ("attn", "expert"):
            offset, period = (getattr(self, f"{what}_layer_{name}") for name in ("offset", "period"))
            if offset >= period:
                yield f"{what}_layer_offset", f"{offset:,} must be less than {what}_layer_period = {period:,}"

    def pattern(self) -> list[tuple[str, str]]:
        """The mixer and the feed-forward network of each layer."""
        attends, at = plain(self.attn_layer_period), plain(self.attn_layer_offset)
        routes, there = plain(self.expert_layer_period), plain(self.expert_layer_offset)
        experts = plain(self.num_experts)
        dense = isinstance(experts, int) and experts <= 1  # arrays of sizes have experts
        return [
            (FULL if i % attends == at else LINEAR, "moe" if i % routes == there and not dense else "dense")
            for i in range(plain(self.num_hidden_layers))
        ]

    def layer(self, kind: tuple[str, str]) -> DecoderLayer:
        """A layer of that kind."""
        hidden, experts = self.hidden_size, (self.num_experts, self.num_experts_per_tok)
        inner, rank = self.mamba_expand * hidden, step_rank(self.mamba_dt_rank, hidden)
        sizes = (hidden, inner, self.mamba_d_state, rank, self.mamba_d_conv)
        mamba = Mamba1(*sizes, self.mamba_proj_bias, self.mamba_conv_bias, norms=True)
        feed_forward = self.mlp() if kind[1] == "dense" else MixtureOfExperts(hidden, self.intermediate_size, *experts)
        return DecoderLayer(hidden, self.attention(rotary=False) if kind[0] == FULL else mamba, feed_forward)


def build(config: Config) -> CausalLM:
    """Layers differ in their mixer and in being sparse or dense."""
    return config.causal_lm(stack(config.pattern(), config.layer, config.num_hidden_layers))
