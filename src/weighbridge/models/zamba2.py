"""Zamba2: Mamba 2 layers, of which some first pass through one of a few transformer blocks that they share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle
from typing import ClassVar

from weighbridge.arithmetic import Count, exact_div, floor_div
from weighbridge.models.config import LINEAR, Layers, Names, Places, Size, check_pattern, current_names
from weighbridge.models.config import Config as BaseConfig
from weighbridge.nn import CausalLM, DecoderLayer, Mamba2, Module, SharedBlock, SharedBlockLayer, SharedBlocksLM, stack
from weighbridge.nn.problems import Problem, must_divide
from weighbridge.traced import Label, named, plain

HYBRID = "hybrid"

PATTERN = "m" + "mmmmmh" * 7 + "mmmmh" + "mmmh" + "mm"
"""The layers where none are given: Zamba2 2.7B's (transformers, Zamba2Config)."""


@dataclass(frozen=True, kw_only=True)
class Config(BaseConfig):
    """Defaults of Zamba2 2.7B as ``transformers`` has them.

    Attributes:
        layers_block_type: the kind of each layer: Mamba 2 alone ("linear_attention"), or after a shared block
            ("hybrid").
        hybrid_layer_ids: the places of the hybrid layers, where a file names them too.
        intermediate_size: width inside a shared block's feed-forward network; four times the hidden size if ``None``.
        attention_head_dim: elements per head of attention, which reads twice the hidden size and has as many channels.
        num_mem_blocks: shared blocks, which hybrid layers use by turns.
        adapter_rank: width of the adapters of a hybrid layer.
        use_shared_attention_adapter: attention has adapters too.
        use_mem_rope: queries and keys are turned by their positions.
    """

    family: ClassVar[str] = "Zamba2"
    aliases: ClassVar[dict[str, str]] = {"layer_types": "layers_block_type", "head_dim": "attention_head_dim"}
    derived: ClassVar[dict[str, str]] = {"attention_hidden_size": "hidden_size", "mamba_headdim": "n_mamba_heads"}

    vocab_size: Size = 32000
    hidden_size: Size = 2560
    num_hidden_layers: Layers = 54
    layers_block_type: Names | None = None
    hybrid_layer_ids: Places | None = None
    mamba_d_state: Size = 64
    mamba_d_conv: Size = 4
    mamba_expand: Size = 2
    mamba_ngroups: Size = 1
    n_mamba_heads: Size = 8
    chunk_size: Size = 256
    add_bias_linear: bool = False
    intermediate_size: Size | None = None
    num_attention_heads: Size = 32
    num_key_value_heads: Size | None = None
    attention_head_dim: Size | None = None
    num_mem_blocks: Size = 1
    use_shared_attention_adapter: bool = False
    adapter_rank: Size = 128
    use_mem_rope: bool = False
    tie_word_embeddings: bool = True

    def pattern(self) -> list[str]:
        """The kind of each layer."""
        if self.layers_block_type is not None:
            return current_names(self.layers_block_type)
        return [LINEAR if letter == "m" else HYBRID for letter in PATTERN]

    @property
    def inner_size(self) -> Count:
        """Channels of Mamba 2."""
        return self.mamba_expand * self.hidden_size

    @property
    def kv_heads(self) -> Count:
        """Key/value heads of attention."""
        return self.num_attention_heads if self.num_key_value_heads is None else self.num_key_value_heads

    @property
    def head_size(self) -> Count:
        """Elements per head of attention."""
        if self.attention_head_dim is not None:
            return self.attention_head_dim
        return named(floor_div(2 * self.hidden_size, self.num_attention_heads), Label("attention_head_dim"))

    def problems(self) -> Iterator[Problem]:
        yield from super().problems()
        pattern = self.pattern()
        yield from check_pattern("layers_block_type", pattern, (LINEAR, HYBRID), self.num_hidden_layers)
        places = [i for i, kind in enumerate(pattern) if kind == HYBRID]
        if self.hybrid_layer_ids is not None and self.hybrid_layer_ids != places:
            yield "hybrid_layer_ids", f"are not the places of the hybrid layers in layers_block_type: {places}"
        yield from must_divide(self, "n_mamba_heads", "mamba_ngroups")
        if self.inner_size % self.n_mamba_heads:
            inner = f"mamba_expand x hidden_size = {self.inner_size:,}"
            yield "n_mamba_heads", f"{self.n_mamba_heads:,} heads do not divide {inner}"
        if self.num_key_value_heads is not None:
            yield from must_divide(self, "num_attention_heads", "num_key_value_heads")
        if self.use_shared_attention_adapter and self.kv_heads * self.head_size != 2 * self.hidden_size:
            sizes = f"num_key_value_heads = {self.kv_heads:,} heads of {self.head_size:,}"
            yield "use_shared_attention_adapter", f"adapters make 2 x hidden_size channels; {sizes} have other ones"

    def mamba(self) -> Mamba2:
        """This configuration's Mamba 2."""
        return Mamba2(
            self.hidden_size,
            self.n_mamba_heads,
            exact_div(self.inner_size, self.n_mamba_heads),
            self.mamba_d_state,
            self.mamba_ngroups,
            self.mamba_d_conv,
            self.add_bias_linear,
            True,
            self.chunk_size,
        )

    def shared_block(self) -> SharedBlock:
        """One of the blocks that layers share."""
        wide = 4 * self.hidden_size if self.intermediate_size is None else self.intermediate_size
        heads = (self.num_attention_heads, self.kv_heads, self.head_size)
        return SharedBlock(self.hidden_size, *heads, wide, self.add_bias_linear, self.use_mem_rope)


def build(config: Config) -> CausalLM:
    """Hybrid layers take the shared blocks by turns; each has adapters of its own."""
    pattern = config.pattern()
    several = min(plain(config.num_mem_blocks), pattern.count(HYBRID))
    names = [HYBRID] if several == 1 else [f"{HYBRID}_{number}" for number in range(1, several + 1)]
    blocks = {name: config.shared_block() for name in names}
    turn = cycle(names)

    def layer(kind: str) -> Module:
        mamba = config.mamba()
        if kind == LINEAR:
            return DecoderLayer(config.hidden_size, mamba)
        return SharedBlockLayer.of(blocks[kind], mamba, config.adapter_rank, config.use_shared_attention_adapter)

    kinds = [next(turn) if kind == HYBRID else kind for kind in pattern]
    language_model = config.causal_lm(stack(kinds, layer, config.num_hidden_layers))
    parts = (language_model.embedding, language_model.layers, language_model.norm, language_model.head)
    return SharedBlocksLM(*parts, shared=tuple(blocks.values()))
