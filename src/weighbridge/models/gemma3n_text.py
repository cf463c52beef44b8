"""Gemma 3n's language model: several residual streams of which layers work on one (AltUp), a low-rank branch beside
attention (LAuReL), inputs of layers of their own, and last layers that share keys and values.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import MaxLen

from weighbridge.models.config import FULL, MOST_LAYERS, SLIDING, Layers, Size, Size0, every
from weighbridge.models.layer_input_config import LayerInputConfig
from weighbridge.nn import CausalLM, stack
from weighbridge.nn.altup import AltUpLayer, MergedStreams, Streams
from weighbridge.nn.cross_layer import CrossLayerAttention
from weighbridge.nn.mlp import GatedMLP
from weighbridge.nn.problems import Problem, must_divide
from weighbridge.nn.sparse_mlp import SparseGatedMLP
from weighbridge.traced import plain, same_kind

Widths = Annotated[list[Size], MaxLen(MOST_LAYERS)]
"""One width per layer."""

Shares = Annotated[list[float], MaxLen(MOST_LAYERS)]
"""One share per layer."""


@dataclass(frozen=True, kw_only=True)
class Config(LayerInputConfig):
    """Defaults of Gemma 3n E4B.

    Attributes:
        intermediate_size: width inside the feed-forward network, of all layers or one per layer.
        altup_num_inputs: residual streams.
        altup_correct_scale: what a layer's own input is made from is scaled.
        laurel_rank: width of the low-rank branch.
        activation_sparsity_pattern: the share of each layer's activations that is cut to zero.
    """

    family: ClassVar[str] = "Gemma 3n"

    vocab_size: Size = 262400
    hidden_size: Size = 2048
    intermediate_size: Size | Widths = 16384  # type: ignore[assignment]
    num_hidden_layers: Layers = 35
    num_attention_heads: Size = 8
    num_key_value_heads: Size | None = 2
    head_dim: Size | None = 256
    tie_word_embeddings: bool = True
    attention_bias: bool = False
    sliding_window: Size0 | None = 512
    num_kv_shared_layers: Size0 = 15
    final_logit_softcapping: float | None = 30.0
    altup_num_inputs: Size = 4
    altup_correct_scale: bool = True
    laurel_rank: Size = 64
    activation_sparsity_pattern: Shares | None = None

    def problems(self) -> Iterator[Problem]:
        yield from super().problems()
        yield from must_divide(self, "hidden_size", "num_attention_heads")
        for name in ("intermediate_size", "activation_sparsity_pattern"):
            given = getattr(self, name)
            if isinstance(given, list) and len(given) != self.num_hidden_layers:
                yield name, f"has {len(given):,} entries for num_hidden_layers = {self.num_hidden_layers:,}"

    def own_pattern(self) -> list[str]:
        return every(self.num_hidden_layers, 5, FULL, SLIDING)

    def sparse(self) -> list[bool]:
        """Whether most of each layer's activations are cut to zero."""
        layers = plain(self.num_hidden_layers)
        if self.activation_sparsity_pattern is None:
            return [layers > 10 > i for i in range(layers)]
        return [share > 0 for share in self.activation_sparsity_pattern]

    def widths(self) -> list[int]:
        """The place of the first layer that is as wide inside as each layer."""
        given = self.intermediate_size
        layers = range(plain(self.num_hidden_layers))
        return [given.index(given[i]) if isinstance(given, list) else 0 for i in layers]

    def mlp_of(self, sparse: bool, place: int) -> GatedMLP:
        """The feed-forward network of a layer that is as wide as the one at that place."""
        given = self.intermediate_size
        width = (
            same_kind(given[place], f"intermediate_size_{place}", self.hidden_size)
            if isinstance(given, list)
            else given
        )
        return (SparseGatedMLP if sparse else GatedMLP)(self.hidden_size, width, activation="gelu")

    def mixer(self, layer_type: str, reads: bool) -> CrossLayerAttention:
        """Attention, with keys and values of its own or of another layer."""
        return CrossLayerAttention(
            self.hidden_size,
            self.num_attention_heads,
            self.kv_heads,
            self.head_size,
            self.attention_bias,
            self.attention_bias,
            window=self.window_of(layer_type),
            reads=reads,
            angles_of=layer_type,
        )


def build(config: Config) -> CausalLM:
    """Layers differ in what they attend to, in sharing keys and values, in sparsity and in width."""

    def layer(kind: tuple[str, str, str, int]) -> AltUpLayer:
        return AltUpLayer(
            config.hidden_size,
            config.altup_num_inputs,
            config.laurel_rank,
            config.mixer(kind[0], kind[1] == "shared"),
            config.mlp_of(kind[2] == "sparse", kind[3]),
            config.layer_input(),
            config.altup_correct_scale,
        )

    facts = zip(config.pattern(), config.shared(), config.sparse(), config.widths(), strict=True)
    kinds = [(t, "shared" if s else "own", "sparse" if z else "dense", w) for t, s, z, w in facts]
    return config.language_model(
        stack(kinds, layer, config.num_hidden_layers),
        Streams(config.layer_embedding(replaces=True), config.hidden_size, config.altup_num_inputs),
        MergedStreams(config.hidden_size, config.altup_num_inputs),
    )
