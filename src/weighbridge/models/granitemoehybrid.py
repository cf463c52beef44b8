"""Granite 4: Mamba 2 and attention in a free pattern, and experts beside a shared network, which may be alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from weighbridge.models.config import FULL, LINEAR, Layers, PatternConfig, Size, Size0
from weighbridge.models.mamba_config import Mamba2Config
from weighbridge.nn import CausalLM, DecoderLayer, GatedMLP, MixtureOfExperts, Module, stack
from weighbridge.nn.problems import Problem, at_most
from weighbridge.traced import plain


@dataclass(frozen=True, kw_only=True)
class Config(Mamba2Config, PatternConfig):
    """Defaults as ``transformers`` has them.

    Attributes:
        num_local_experts: routed experts, each as wide as ``intermediate_size``; 0 leaves the shared network alone.
        shared_intermediate_size: width inside the network that all tokens pass through.
        position_embedding_type: "rope" turns queries and keys by their positions; attention has none otherwise.
    """

    family: ClassVar[str] = "Granite 4"
    aliases: ClassVar[dict[str, str]] = {"layers_block_type": "layer_types"}
    layer_choices: ClassVar[tuple[str, ...]] = (FULL, LINEAR)

    vocab_size: Size = 32000
    hidden_size: Size = 4096
    intermediate_size: Size = 11008
    num_hidden_layers: Layers = 32
    num_attention_heads: Size = 32
    attention_bias: bool = False
    num_local_experts: Size0 = 8
    num_experts_per_tok: Size0 = 2
    shared_intermediate_size: Size = 1024
    position_embedding_type: str | None = None

    def problems(self) -> Iterator[Problem]:
        yield from super().problems()
        if self.num_local_experts:
            yield from at_most(self, "num_experts_per_tok", "num_local_experts")
            if self.num_experts_per_tok == 0:
                yield "num_experts_per_tok", f"got 0; num_local_experts = {self.num_local_experts:,} need at least 1"

    def own_pattern(self) -> list[str]:
        return [LINEAR] * plain(self.num_hidden_layers)

    def feed_forward(self) -> Module:
        """Experts and the shared network, or the latter alone."""
        hidden, shared, experts = self.hidden_size, self.shared_intermediate_size, plain(self.num_local_experts)
        if isinstance(experts, int) and experts == 0:  # arrays of sizes have experts
            return GatedMLP(hidden, shared, fused=True)
        routed = (self.intermediate_size, self.num_local_experts, self.num_experts_per_tok)
        return MixtureOfExperts(hidden, *routed, shared)


def build(config: Config) -> CausalLM:
    """Layers differ in their mixer."""

    def layer(kind: str) -> DecoderLayer:
        bias, rotary = config.attention_bias, config.position_embedding_type == "rope"
        mixer = config.attention(bias, bias, rotary=rotary) if kind == FULL else config.mamba()
        return DecoderLayer(config.hidden_size, mixer, config.feed_forward())

    return config.causal_lm(stack(config.pattern(), layer, config.num_hidden_layers))
