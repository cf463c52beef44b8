"""SmolLM3: Llama's block, of which every fourth layer has no positions (NoPE) and may slide."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

from weighbridge.models.config import FULL, SLIDING, Layers, PatternConfig, Places, Size, Size0, every
from weighbridge.nn import CausalLM, DecoderLayer, stack
from weighbridge.nn.problems import Problem
from weighbridge.traced import plain

ROTARY, NONE = "rotary", "no_positions"


@dataclass(frozen=True, kw_only=True)
class Config(PatternConfig):
    """Defaults of SmolLM3 3B.

    Attributes:
        no_rope_layers: of each layer 1 for rotary positions and 0 for none.
        no_rope_layer_interval: where that is not given, every so many layers one has none.
    """

    family: ClassVar[str] = "SmolLM3"

    vocab_size: Size = 128256
    hidden_size: Size = 2048
    intermediate_size: Size = 11008
    num_hidden_layers: Layers = 36
    num_attention_heads: Size = 16
    num_key_value_heads: Size | None = 4
    use_sliding_window: bool = False
    no_rope_layers: Places | None = None
    no_rope_layer_interval: Size = 4
    attention_bias: bool = False
    mlp_bias: bool = False
    tie_word_embeddings: bool = True
    sliding_window: Size0 | None = None

    def problems(self) -> Iterator[Problem]:
        yield from super().problems()
        given = self.no_rope_layers
        if given is not None and len(given) < self.num_hidden_layers:
            yield "no_rope_layers", f"has {len(given):,} entries for num_hidden_layers = {self.num_hidden_layers:,}"

    def positions(self) -> list[str]:
        """Whether each layer turns queries and keys by their positions."""
        layers = plain(self.num_hidden_layers)
        if self.no_rope_layers is None:
            return every(layers, self.no_rope_layer_interval, NONE, ROTARY)
        return [ROTARY if rotary else NONE for rotary in self.no_rope_layers[:layers]]

    def own_pattern(self) -> list[str]:
        slides = self.use_sliding_window and self.sliding_window is not None
        return [SLIDING if slides and kind == NONE else FULL for kind in self.positions()]


def build(config: Config) -> CausalLM:
    """Layers differ in their positions and in their window."""

    def layer(kind: tuple[str, str]) -> DecoderLayer:
        bias = config.attention_bias
        attention = config.attention(bias, bias, window=config.window_of(kind[1]))
        attention = replace(attention, rotary=kind[0] == ROTARY)
        return DecoderLayer(config.hidden_size, attention, config.mlp(config.mlp_bias))

    kinds = list(zip(config.positions(), config.pattern(), strict=True))
    return config.causal_lm(stack(kinds, layer, config.num_hidden_layers))
