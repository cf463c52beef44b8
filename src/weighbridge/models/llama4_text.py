"""Llama 4's language model: attention in chunks, every few layers over everything without positions; layers of experts
with one shared, of which a score scales the input.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from weighbridge.models.config import FULL, AttentionConfig, Layers, Names, Places, Size, check_pattern
from weighbridge.nn import CausalLM, DecoderLayer, GatedMLP, Module, stack
from weighbridge.nn.chunked_attention import ChunkedAttention
from weighbridge.nn.every_expert import InputScaledMixture
from weighbridge.nn.problems import Problem, at_most
from weighbridge.traced import plain

CHUNKED = "chunked_attention"


@dataclass(frozen=True, kw_only=True)
class Config(AttentionConfig):
    """Defaults of Llama 4 Scout 17B-16E.

    Attributes:
        intermediate_size: width inside an expert.
        intermediate_size_mlp: width inside a dense feed-forward network.
        moe_layers: layers that hold experts; every ``interleave_moe_layer_step``-th if ``None``.
        no_rope_layers: 1 for layers with rotary positions, 0 for those without; every ``no_rope_layer_interval``-th is
            without if ``None`` or empty.
        layer_types: which attention sees its chunk only; that of layers with rotary positions if ``None``.
        attn_temperature_tuning: queries of layers without positions are scaled by where they stand (files may hold a
            number instead).
        use_qk_norm: queries and keys of layers with rotary positions are normalised.
        attention_chunk_size: positions of a chunk.
    """

    family: ClassVar[str] = "Llama 4"
    layer_choices: ClassVar[tuple[str, ...]] = (FULL, CHUNKED)

    vocab_size: Size = 202048
    hidden_size: Size = 5120
    intermediate_size: Size = 8192
    intermediate_size_mlp: Size = 16384
    num_hidden_layers: Layers = 48
    num_attention_heads: Size = 40
    num_key_value_heads: Size | None = 8
    head_dim: Size | None = 128
    num_experts_per_tok: Size = 1
    num_local_experts: Size = 16
    moe_layers: Places | None = None
    interleave_moe_layer_step: Size = 1
    use_qk_norm: bool = True
    no_rope_layers: Places | None = None
    no_rope_layer_interval: Size = 4
    attention_chunk_size: Size | None = 8192
    layer_types: Names | None = None
    attention_bias: bool = False
    attn_temperature_tuning: bool | int = True

    def problems(self) -> Iterator[Problem]:
        yield from super().problems()
        yield from at_most(self, "num_experts_per_tok", "num_local_experts")
        layers, given = self.num_hidden_layers, len(self.no_rope_layers or ())
        if given and (given < layers or (given > layers and self.layer_types is None)):
            yield "no_rope_layers", f"has {given:,} entries for num_hidden_layers = {layers:,}"
        elif self.layer_types is not None:
            yield from check_pattern("layer_types", self.layer_types, self.layer_choices, layers)
        elif self.attention_chunk_size is None and CHUNKED in self.pattern():
            yield "attention_chunk_size", "null, but layers attend in chunks"

    def rotary(self) -> list[bool]:
        """Whether each layer has rotary positions."""
        step, layers = plain(self.no_rope_layer_interval), range(plain(self.num_hidden_layers))
        return [bool(self.no_rope_layers[i]) if self.no_rope_layers else (i + 1) % step != 0 for i in layers]

    def pattern(self) -> list[str]:
        """What each layer attends to."""
        return self.layer_types or [CHUNKED if rotary else FULL for rotary in self.rotary()]

    def sparse(self) -> list[bool]:
        """Whether each layer holds experts."""
        step = plain(self.interleave_moe_layer_step)
        return [
            (i + 1) % step == 0 if self.moe_layers is None else i in self.moe_layers
            for i in range(plain(self.num_hidden_layers))
        ]

    def mixer(self, layer_type: str, rotary: bool) -> Module:
        """Attention of a chunk or of everything, with or without rotary positions."""
        return ChunkedAttention(
            self.hidden_size,
            self.num_attention_heads,
            self.kv_heads,
            self.head_size,
            qkv_bias=self.attention_bias,
            out_bias=self.attention_bias,
            qk_norm=self.use_qk_norm and rotary,
            window=self.attention_chunk_size if layer_type == CHUNKED else None,
            rotary=rotary,
            norm="PlainRMSNorm",
            chunked=layer_type == CHUNKED,
            scaled=bool(self.attn_temperature_tuning) and not rotary,
        )

    def feed_forward(self, sparse: bool) -> Module:
        """A dense network, or experts and one that all tokens share."""
        if not sparse:
            return GatedMLP(self.hidden_size, self.intermediate_size_mlp)
        sizes = (self.hidden_size, self.intermediate_size, self.num_local_experts, self.num_experts_per_tok)
        return InputScaledMixture(*sizes, self.intermediate_size)


def build(config: Config) -> CausalLM:
    """Layers differ in what they attend to, in their positions, and in being sparse or dense."""

    def layer(kind: tuple[str, str, str]) -> DecoderLayer:
        mixer = config.mixer(kind[0], kind[1] == "rope")
        return DecoderLayer(config.hidden_size, mixer, config.feed_forward(kind[2] == "moe"))

    kinds = [
        (layer_type, "rope" if rotary else "nope", "moe" if sparse else "dense")
        for layer_type, rotary, sparse in zip(config.pattern(), config.rotary(), config.sparse(), strict=True)
    ]
    return config.causal_lm(stack(kinds, layer, config.num_hidden_layers))
