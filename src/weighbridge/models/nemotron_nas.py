"""Llama-Nemotron: Llama's block, of which every layer has a shape of its own, found by search (Bercovich et al. 2024,
Puzzle). Its code came with its weights (modeling_decilm.py), not with ``transformers``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar

from annotated_types import Gt, Le, MaxLen, MinLen

from weighbridge.arithmetic import Count, ceil_div, exact_div, floor_div, scale
from weighbridge.models.config import LARGEST, MOST_LAYERS, AttentionConfig, Layers, Size
from weighbridge.nn import CausalLM, DecoderLayer, GatedMLP, LinearFeedForward, LinearMixer, Module, stack
from weighbridge.nn.problems import Problem
from weighbridge.traced import Label, named, plain

ROUNDED = 256
"""Networks are as wide as a multiple of this."""

STRICT = {"strict": True}
"""As the configuration around them is checked: no text becomes a number."""


@dataclass(frozen=True, kw_only=True)
class Branch:
    """What both branches of a block may be replaced by.

    Attributes:
        no_op: nothing; its norm is left out too.
        replace_with_linear: one projection of the stream.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    no_op: bool = False
    replace_with_linear: bool = False

    @property
    def present(self) -> bool:
        """Whether it is what Llama has there."""
        return not (self.no_op or self.replace_with_linear)

    def kind(self, size: object) -> str:
        """What tells it from branches of other shapes."""
        return "none" if self.no_op else "linear" if self.replace_with_linear else f"{plain(size)}"


@dataclass(frozen=True, kw_only=True)
class Attention(Branch):
    """The attention of a block.

    Attributes:
        n_heads_in_group: query heads to a key/value head.
        window_length: positions that it sees. No published model has a window, so that it is not known how one counts.
    """

    n_heads_in_group: Size | None = None
    window_length: int | None = None


@dataclass(frozen=True, kw_only=True)
class FeedForward(Branch):
    """The feed-forward network of a block.

    Attributes:
        ffn_mult: it is as wide as two thirds of so many times the stream.
    """

    ffn_mult: Annotated[float, Gt(0), Le(LARGEST)] | None = None


@dataclass(frozen=True, kw_only=True)
class Block:
    """One decoder layer."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    attention: Attention
    ffn: FeedForward

    @property
    def kind(self) -> tuple[str, str]:
        """What tells it from layers of other shapes."""
        return (
            f"attention_{self.attention.kind(self.attention.n_heads_in_group)}",
            f"mlp_{self.ffn.kind(self.ffn.ffn_mult)}",
        )


@dataclass(frozen=True, kw_only=True)
class Config(AttentionConfig):
    """Defaults of Llama, which its configuration extends; the shapes of layers have none.

    Attributes:
        block_configs: the shape of each layer, which the sizes of key/value heads and of networks come from.
    """

    family: ClassVar[str] = "Llama-Nemotron"

    vocab_size: Size = 32000
    hidden_size: Size = 4096
    num_hidden_layers: Layers = 32
    num_attention_heads: Size = 32
    intermediate_size: Size | None = None  # type: ignore[assignment] # published files hold null
    attention_bias: bool = False
    mlp_bias: bool = False
    block_configs: Annotated[list[Block], MinLen(1), MaxLen(MOST_LAYERS)]

    def problems(self) -> Iterator[Problem]:
        yield from super().problems()
        if len(self.block_configs) != self.num_hidden_layers:
            entries, layers = len(self.block_configs), self.num_hidden_layers
            yield "block_configs", f"has {entries:,} entries for num_hidden_layers = {layers:,}"
        for number, block in enumerate(self.block_configs):
            yield from ((f"block_configs.{number}.{place}", problem) for place, problem in self.of_block(block))

    def of_block(self, block: Block) -> Iterator[Problem]:
        """What does not fit together in one block."""
        group, heads = block.attention.n_heads_in_group, self.num_attention_heads
        if block.attention.present and group is None:
            yield "attention.n_heads_in_group", "missing; needed where attention is neither no_op nor replaced"
        if block.attention.present and group is not None and heads % group:
            yield "attention.n_heads_in_group", f"{group:,} does not divide num_attention_heads = {heads:,}"
        if block.attention.window_length is not None:
            yield "attention.window_length", f"{block.attention.window_length:,}; only attention to all can be weighed"
        if block.ffn.present and block.ffn.ffn_mult is None:
            yield "ffn.ffn_mult", "missing; needed where the network is neither no_op nor replaced"

    def mixer(self, attention: Attention) -> Module | None:
        """The attention of a block, or what stands in its place."""
        if attention.n_heads_in_group is None or not attention.present:
            return None if attention.no_op else LinearMixer(self.hidden_size)
        groups = exact_div(self.num_attention_heads, attention.n_heads_in_group)
        return replace(self.attention(self.attention_bias, self.attention_bias), num_kv_heads=groups)

    def feed_forward(self, ffn: FeedForward) -> Module | None:
        """The network of a block, or what stands in its place."""
        if ffn.ffn_mult is None or not ffn.present:
            return None if ffn.no_op else LinearFeedForward(self.hidden_size)
        return GatedMLP(self.hidden_size, self.width(ffn.ffn_mult), self.mlp_bias)

    def width(self, ffn_mult: float) -> Count:
        """The width inside a network (modeling_decilm.py, _ffn_mult_to_intermediate_size)."""
        wanted = floor_div(scale(self.hidden_size, 2 * ffn_mult), 3)
        return named(ceil_div(wanted, ROUNDED) * ROUNDED, Label("intermediate_size"))


def build(config: Config) -> CausalLM:
    """Layers differ in the shapes of their branches."""
    blocks = {block.kind: block for block in config.block_configs}

    def layer(kind: tuple[str, str]) -> DecoderLayer:
        block = blocks[kind]
        return DecoderLayer(config.hidden_size, config.mixer(block.attention), config.feed_forward(block.ffn))

    return config.causal_lm(stack([block.kind for block in config.block_configs], layer, config.num_hidden_layers))
