"""gpt-oss: alternating sliding and full attention with sinks, and a mixture of experts with biases everywhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from weighbridge.models.config import FULL, SLIDING, Layers, PatternConfig, Size, Size0, every
from weighbridge.nn import CausalLM, DecoderLayer, MixtureOfExperts, stack
from weighbridge.nn.choice import Choice
from weighbridge.nn.norm import WideRMSNorm
from weighbridge.nn.problems import Problem, at_most


@dataclass(frozen=True, kw_only=True)
class Config(PatternConfig):
    """Defaults of gpt-oss-120b."""

    family: ClassVar[str] = "gpt-oss"
    aliases: ClassVar[dict[str, str]] = {"num_experts": "num_local_experts"}

    vocab_size: Size = 201088
    hidden_size: Size = 2880
    intermediate_size: Size = 2880
    num_hidden_layers: Layers = 36
    num_attention_heads: Size = 64
    num_key_value_heads: Size | None = 8
    head_dim: Size | None = 64
    attention_bias: bool = True
    sliding_window: Size0 | None = 128
    num_local_experts: Size = 128
    num_experts_per_tok: Size = 4

    def problems(self) -> Iterator[Problem]:
        yield from super().problems()
        yield from at_most(self, "num_experts_per_tok", "num_local_experts")

    def own_pattern(self) -> list[str]:
        return every(self.num_hidden_layers, 2, FULL, SLIDING)


def build(config: Config) -> CausalLM:
    """Layers differ only in their window."""

    def layer(kind: str) -> DecoderLayer:
        bias = config.attention_bias
        attention = config.attention(
            bias, bias, window=config.window_of(kind), sinks=True, partial_rotary=True, angles="half"
        )
        moe = MixtureOfExperts(
            config.hidden_size,
            config.intermediate_size,
            config.num_local_experts,
            config.num_experts_per_tok,
            bias=True,
            router_bias=True,
            activation="clamped_swish",
            scoring=Choice("softmax of chosen"),
        )
        return DecoderLayer(config.hidden_size, attention, moe, WideRMSNorm)

    layers = stack(config.pattern(), layer, config.num_hidden_layers)
    return config.causal_lm(layers, norm=WideRMSNorm(config.hidden_size))
