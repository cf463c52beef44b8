"""MiniMax-01: lightning attention and softmax attention by turns, experts in every layer, and residual branches that
are added to their own normalised input.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from weighbridge.models.config import FULL, LINEAR, Layers, PatternConfig, Places, Size, check_pattern, every, window
from weighbridge.nn import CausalLM, DecoderLayer, LightningAttention, MixtureOfExperts, NormedResidualLayer, stack
from weighbridge.nn.problems import Problem, at_most
from weighbridge.nn.whole_cache_attention import WholeCacheAttention


@dataclass(frozen=True, kw_only=True)
class Config(PatternConfig):
    """Defaults as ``transformers`` has them.

    Attributes:
        block_size: positions on which lightning attention works at once.
        attn_type_list: 1 for each layer with softmax attention, 0 for others, as files of MiniMax's own code say it.
    """

    family: ClassVar[str] = "MiniMax-01"
    aliases: ClassVar[dict[str, str]] = {"num_experts": "num_local_experts"}
    layer_choices: ClassVar[tuple[str, ...]] = (FULL, LINEAR)

    vocab_size: Size = 32000
    hidden_size: Size = 4096
    intermediate_size: Size = 14336
    num_hidden_layers: Layers = 32
    num_attention_heads: Size = 32
    num_key_value_heads: Size | None = 8
    num_experts_per_tok: Size = 2
    num_local_experts: Size = 8
    block_size: Size = 256
    attn_type_list: Places | None = None

    def problems(self) -> Iterator[Problem]:
        yield from super().problems()
        yield from at_most(self, "num_experts_per_tok", "num_local_experts")
        if self.attn_type_list is not None:
            yield from check_pattern("attn_type_list", self.own_pattern(), self.layer_choices, self.num_hidden_layers)

    def own_pattern(self) -> list[str]:
        if self.attn_type_list is not None:
            return [FULL if attends else LINEAR for attends in self.attn_type_list]
        return every(self.num_hidden_layers, 2, LINEAR, FULL)


def build(config: Config) -> CausalLM:
    """Layers differ in their mixer."""

    def layer(kind: str) -> DecoderLayer:
        hidden = config.hidden_size
        moe = MixtureOfExperts(hidden, config.intermediate_size, config.num_local_experts, config.num_experts_per_tok)
        lightning = LightningAttention(hidden, config.num_attention_heads, config.head_size, config.block_size)
        attention = WholeCacheAttention(
            hidden,
            config.num_attention_heads,
            config.kv_heads,
            config.head_size,
            window=window(config.sliding_window),
        )
        return NormedResidualLayer(hidden, attention if kind == FULL else lightning, moe)

    return config.causal_lm(stack(config.pattern(), layer, config.num_hidden_layers))
