"""Configurations: what every family reads from a model's configuration, with the names and defaults of the field.

A configuration is a frozen dataclass of sizes and choices. Its constraints are annotations: the door that reads files
(:mod:`weighbridge.formats`) checks them; inside the package values are trusted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from annotated_types import Interval, MaxLen, MinLen

from weighbridge.arithmetic import Count, exact_div, floor_div
from weighbridge.nn import (
    CausalLM,
    Embedding,
    GatedMLP,
    GroupedQueryAttention,
    Head,
    Module,
    MultiTokenPrediction,
    Repeat,
    RMSNorm,
)
from weighbridge.nn.problems import Problem, must_divide
from weighbridge.traced import Label, named, plain

LARGEST = 2**31
"""The largest size of anything."""

MOST_LAYERS = 10_000
"""More layers than any model has; patterns longer than this are refused before they are read."""

Size = Annotated[int, Interval(ge=1, le=LARGEST)]
"""A size of a tensor's axis."""

Size0 = Annotated[int, Interval(ge=0, le=LARGEST)]
"""A size that may be zero (none of that thing)."""

Layers = Annotated[int, Interval(ge=1, le=MOST_LAYERS)]
"""A number of layers."""

Names = Annotated[list[str], MinLen(1), MaxLen(MOST_LAYERS)]
"""One name per layer."""

Places = Annotated[list[int], MaxLen(MOST_LAYERS)]
"""Positions of layers."""

Letters = Annotated[str, MinLen(1), MaxLen(MOST_LAYERS)]
"""One letter per layer."""

SLIDING, FULL, LINEAR = "sliding_attention", "full_attention", "linear_attention"

RENAMED = {"mamba": LINEAR, "attention": FULL}
"""Names of layer types in older files."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """What every decoder has.

    Attributes:
        vocab_size: tokens of the vocabulary.
        hidden_size: width of the residual stream.
        num_hidden_layers: decoder layers.
        tie_word_embeddings: the head uses the embedding's weight.
        dtype: data type of the weights, as the configuration names it.
    """

    family: ClassVar[str] = ""
    aliases: ClassVar[dict[str, str]] = {}
    derived: ClassVar[dict[str, str]] = {}
    """Fields that files may hold but that are worked out from another, which has to be set instead."""
    projection: ClassVar[str] = "Linear"
    """The class of ``transformers`` that its projections are; formats that quantise by class ask."""

    vocab_size: Size
    hidden_size: Size
    num_hidden_layers: Layers
    tie_word_embeddings: bool = False
    dtype: str | None = None

    def problems(self) -> Iterator[Problem]:
        """What does not fit together, in words; nothing where all is well."""
        yield from ()

    def notes(self) -> Iterator[str]:
        """What readers of the figures should know; nothing where all is as usual."""
        yield from ()

    def causal_lm(
        self,
        layers: Sequence[Repeat],
        embedding: Module | None = None,
        norm: Module | None = None,
        prediction: Repeat | None = None,
        tied: bool | None = None,
        head: Head | None = None,
    ) -> CausalLM:
        """The language model around the layers: token embedding, final RMSNorm and head unless others are given."""
        tied = self.tie_word_embeddings if tied is None else tied
        return CausalLM(
            embedding or Embedding(self.vocab_size, self.hidden_size),
            tuple(layers),
            norm or RMSNorm(self.hidden_size),
            head or Head(self.hidden_size, self.vocab_size, tied),
            prediction,
        )

    def prediction(self, modules: Count | None, layer: Module) -> Repeat | None:
        """So many multi-token prediction modules around a decoder layer of that kind; ``None`` where there are none."""
        if modules is None or not plain(modules):
            return None
        return Repeat(MultiTokenPrediction(self.hidden_size, self.vocab_size, layer), modules)


@dataclass(frozen=True, kw_only=True)
class AttentionConfig(Config):
    """A decoder with softmax attention.

    Attributes:
        num_attention_heads: query heads.
        num_key_value_heads: key/value heads (query groups); as many as query heads if ``None``.
        head_dim: elements per head; ``hidden_size / num_attention_heads`` if ``None``.
        intermediate_size: width inside the dense feed-forward network.
        rounds_head_dim: where heads do not divide the hidden size, their dimension is rounded down, not refused.
    """

    rounds_head_dim: ClassVar[bool] = False

    num_attention_heads: Size
    num_key_value_heads: Size | None = None
    head_dim: Size | None = None
    intermediate_size: Size

    @property
    def kv_heads(self) -> Count:
        """Key/value heads."""
        return self.num_attention_heads if self.num_key_value_heads is None else self.num_key_value_heads

    @property
    def head_size(self) -> Count:
        """Elements per head."""
        if self.head_dim is not None:
            return self.head_dim
        divided = floor_div if self.rounds_head_dim else exact_div
        return named(divided(self.hidden_size, self.num_attention_heads), Label("head_dim"))

    def problems(self) -> Iterator[Problem]:
        yield from super().problems()
        if self.head_dim is None and not self.rounds_head_dim:
            yield from must_divide(self, "hidden_size", "num_attention_heads", "head_dim is not given")
        if self.num_key_value_heads is not None:
            yield from must_divide(self, "num_attention_heads", "num_key_value_heads")

    def attention(
        self,
        qkv_bias: bool = False,
        out_bias: bool = False,
        qk_norm: bool = False,
        window: Count | None = None,
        sinks: bool = False,
        output_gate: bool = False,
        fused: bool = False,
        rotary: bool = True,
        **more: Any,
    ) -> GroupedQueryAttention:
        """This configuration's attention; ``more`` are further fields of it."""
        return GroupedQueryAttention(
            self.hidden_size,
            self.num_attention_heads,
            self.kv_heads,
            self.head_size,
            qkv_bias,
            out_bias,
            qk_norm,
            window,
            sinks,
            output_gate,
            fused,
            rotary,
            **more,
        )

    def mlp(self, bias: bool = False, activation: str = "silu", fused: bool = False) -> GatedMLP:
        """This configuration's dense gated feed-forward network."""
        return GatedMLP(self.hidden_size, self.intermediate_size, bias, activation, fused)


@dataclass(frozen=True, kw_only=True)
class PatternConfig(AttentionConfig):
    """A decoder whose layers differ in what they attend to.

    Attributes:
        sliding_window: positions that a sliding layer sees.
        layer_types: what each layer attends to; the family's own pattern if ``None``.
    """

    sliding_window: Size0 | None = None
    layer_types: Names | None = None
    layer_choices: ClassVar[tuple[str, ...]] = (FULL, SLIDING)

    def problems(self) -> Iterator[Problem]:
        yield from super().problems()
        if self.layer_types is not None:
            yield from check_pattern("layer_types", self.layer_types, self.layer_choices, self.num_hidden_layers)

    def pattern(self) -> list[str]:
        """What each layer attends to."""
        return self.own_pattern() if self.layer_types is None else current_names(self.layer_types)

    def own_pattern(self) -> list[str]:
        """What each layer attends to where the configuration does not say."""
        return [FULL] * plain(self.num_hidden_layers)

    def window_of(self, layer_type: str) -> Count | None:
        """The window of a layer of that type."""
        return window(self.sliding_window) if layer_type == SLIDING else None


def window(size: Count | None) -> Count | None:
    """A window as modules take it: files write 0 or null for none."""
    return None if size is None or plain(size) == 0 else size


def current_names(layer_types: Sequence[str]) -> list[str]:
    """Layer types under their present names."""
    return [RENAMED.get(name, name) for name in layer_types]


def every(count: int, step: int, special: str, common: str) -> list[str]:
    """``common`` layers with a ``special`` one at every ``step``-th place."""
    return [common if (i + 1) % plain(step) else special for i in range(plain(count))]


def check_pattern(field: str, pattern: Sequence[str], choices: Sequence[str], layers: int | None) -> Iterator[Problem]:
    """Problems of a list with one name per layer."""
    unknown = [name for name in dict.fromkeys(pattern) if RENAMED.get(name, name) not in choices]
    if unknown:
        yield field, f"{unknown[0]!r} is no layer type of this family; allowed: {', '.join(choices)}"
    if layers is not None and len(pattern) != layers:
        yield field, f"has {len(pattern):,} entries for num_hidden_layers = {layers:,}"
