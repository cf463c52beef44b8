"""The language model of MiniMax-M3: attention over chosen blocks of keys, experts with a shared one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from annotated_types import MaxLen, MinLen

from weighbridge.models.config import (
    FULL,
    MOST_LAYERS,
    AttentionConfig,
    Layers,
    Names,
    Size,
    Size0,
    check_pattern,
)
from weighbridge.models.partial_rotary_config import PartialRotaryConfig, Share
from weighbridge.nn import (
    BlockSparseAttention,
    CausalLM,
    DecoderLayer,
    GatedMLP,
    GroupedQueryAttention,
    MixtureOfExperts,
    MultiTokenPrediction,
    Repeat,
    stack,
)
from weighbridge.nn.choice import Choice
from weighbridge.nn.norm import OffsetRMSNorm
from weighbridge.nn.problems import Problem, at_most
from weighbridge.traced import plain

SILENT = (4, 128, 128, 16)
"""The indexer's heads, their elements, keys of a block and blocks where nothing says."""

BLOCKS, SPARSE, DENSE = "minimax_m3_sparse", "sparse", "dense"
ACTIVATION = "clamped_swish"

WORDS = {BLOCKS: "block_attention", SPARSE: "moe"}
"""What such layers are called."""

Flags = Annotated[list[int], MinLen(1), MaxLen(MOST_LAYERS)]
"""One 0 or 1 per layer."""


@dataclass(frozen=True, kw_only=True)
class SparseAttention:
    """The indexer as published files have it.

    Attributes:
        sparse_num_index_heads: its query heads.
        sparse_index_dim: elements of its heads.
        sparse_block_size: keys of a block.
        sparse_topk_blocks: blocks that a query sees.
        sparse_attention_freq: whether each layer has one.
    """

    title: ClassVar[str] = "sparse"
    aliases: ClassVar[dict[str, str]] = {}

    sparse_num_index_heads: Size | None = None
    sparse_index_dim: Size | None = None
    sparse_block_size: Size | None = None
    sparse_topk_blocks: Size | None = None
    sparse_attention_freq: Flags | None = None


@dataclass(frozen=True, kw_only=True)
class Config(AttentionConfig, PartialRotaryConfig):
    """Defaults as ``transformers`` has them.

    Attributes:
        intermediate_size: width inside a routed expert.
        dense_intermediate_size: width inside the network of a dense layer.
        shared_intermediate_size: width inside the shared expert.
        index_n_heads: the indexer's heads.
        index_head_dim: elements of its heads.
        index_block_size: keys of a block.
        index_topk_blocks: blocks that a query sees.
        layer_types: whether each layer chooses blocks.
        mlp_layer_types: whether each layer is dense or holds a mixture of experts.
        moe_layer_freq: the same as 0 and 1, as published files have it.
        sparse_attention_config: the indexer as published files have it, which counts where both are given.
        num_mtp_modules: multi-token prediction modules, each of one layer of the last kind (vLLM, minimax_m3/mtp.py;
            ``transformers`` leaves them out).
    """

    family: ClassVar[str] = "MiniMax-M3 text"
    aliases: ClassVar[dict[str, str]] = {"num_experts": "num_local_experts"}

    vocab_size: Size = 200064
    hidden_size: Size = 6144
    intermediate_size: Size = 3072
    num_hidden_layers: Layers = 60
    num_attention_heads: Size = 64
    num_key_value_heads: Size = 4
    head_dim: Size = 128
    num_experts_per_tok: Size = 4
    num_local_experts: Size = 128
    dense_intermediate_size: Size = 12288
    shared_intermediate_size: Size = 3072
    layer_types: Names | None = None
    mlp_layer_types: Names | None = None
    moe_layer_freq: Flags | None = None
    index_n_heads: Size | None = None
    index_head_dim: Size | None = None
    index_block_size: Size | None = None
    index_topk_blocks: Size | None = None
    sparse_attention_config: SparseAttention | None = None
    num_mtp_modules: Size0 = 0
    partial_rotary_factor: Share = 1.0

    def problems(self) -> Iterator[Problem]:
        yield from super().problems()
        yield from at_most(self, "num_experts_per_tok", "num_local_experts")
        layers = self.num_hidden_layers
        names = "layer_types" if self.layer_types is not None else "sparse_attention_config.sparse_attention_freq"
        yield from check_pattern(names, self.mixers(), (FULL, BLOCKS), layers)
        names = "mlp_layer_types" if self.mlp_layer_types is not None else "moe_layer_freq"
        yield from check_pattern(names, self.networks(), (SPARSE, DENSE), layers)
        heads, choosing = self.num_attention_heads, self.indexer()[0]
        if BLOCKS in self.mixers() and heads % choosing:
            yield "index_n_heads", f"{heads:,} query heads do not divide by {choosing:,}"

    def mixers(self) -> list[str]:
        """Whether each layer chooses blocks."""
        old = self.sparse_attention_config or SparseAttention()
        return spelled(self.layer_types, old.sparse_attention_freq, (FULL, BLOCKS), FULL, self.num_hidden_layers)

    def networks(self) -> list[str]:
        """Whether each layer is dense or holds a mixture of experts."""
        return spelled(self.mlp_layer_types, self.moe_layer_freq, (DENSE, SPARSE), SPARSE, self.num_hidden_layers)

    def indexer(self) -> tuple[int, int, int, int]:
        """Heads, their elements, keys of a block and blocks."""
        own = (self.index_n_heads, self.index_head_dim, self.index_block_size, self.index_topk_blocks)
        old = self.sparse_attention_config or SparseAttention()
        other = (old.sparse_num_index_heads, old.sparse_index_dim, old.sparse_block_size, old.sparse_topk_blocks)
        sizes = zip(other, own, SILENT, strict=True)
        heads, width, block, blocks = (next(size for size in given if size is not None) for given in sizes)
        return heads, width, block, blocks

    def mixer(self, kind: str) -> GroupedQueryAttention:
        """Attention, over chosen blocks or all keys."""
        sizes = (self.hidden_size, self.num_attention_heads, self.kv_heads, self.head_size)
        choices: dict[str, Any] = {"qk_norm": True, "norm": "OffsetRMSNorm", "partial_rotary": True}
        choices["rotary_dim"] = self.turned(self.head_size)
        if kind == FULL:
            return GroupedQueryAttention(*sizes, **choices)
        heads, width, block, blocks = self.indexer()
        return BlockSparseAttention(
            *sizes, **choices, index_heads=heads, index_head_dim=width, block=block, blocks=blocks
        )

    def network(self, kind: str) -> GatedMLP | MixtureOfExperts:
        """A dense network or a mixture of experts."""
        if kind == DENSE:
            return GatedMLP(self.hidden_size, self.dense_intermediate_size, activation=ACTIVATION, fused=True)
        return MixtureOfExperts(
            self.hidden_size,
            self.intermediate_size,
            self.num_local_experts,
            self.num_experts_per_tok,
            self.shared_intermediate_size,
            correction_bias=True,
            activation=ACTIVATION,
            scoring=Choice("sigmoid"),
            shared_joined=True,
        )


def spelled(
    names: list[str] | None, flags: list[int] | None, words: tuple[str, str], silent: str, layers: int
) -> list[str]:
    """The kinds of layers from a list of names, else from flags, else all of one kind."""
    if names is not None:
        return names
    return [words[bool(flag)] for flag in flags] if flags is not None else [silent] * plain(layers)


def build(config: Config) -> CausalLM:
    """Layers differ in choosing blocks and in being sparse or dense."""

    def layer(kind: tuple[str, str]) -> DecoderLayer:
        return DecoderLayer(config.hidden_size, config.mixer(kind[0]), config.network(kind[1]), norm=OffsetRMSNorm)

    mixers, networks = ([WORDS.get(name, name) for name in names] for names in (config.mixers(), config.networks()))
    kinds = list(zip(mixers, networks, strict=True))
    prediction = None
    if plain(config.num_mtp_modules):
        one = MultiTokenPrediction(config.hidden_size, config.vocab_size, layer(kinds[-1]))
        prediction = Repeat(one, config.num_mtp_modules)
    norm = OffsetRMSNorm(config.hidden_size)
    return config.causal_lm(stack(kinds, layer, config.num_hidden_layers), norm=norm, prediction=prediction)
