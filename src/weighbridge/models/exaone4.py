"""EXAONE 4: norms on outputs only and on queries and keys; full layers among sliding ones have no positions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

from weighbridge.models.config import FULL, SLIDING, Layers, PatternConfig, Size, Size0, every
from weighbridge.nn import CausalLM, DecoderLayer, stack
from weighbridge.nn.problems import Problem


@dataclass(frozen=True, kw_only=True)
class Config(PatternConfig):
    """Defaults as ``transformers`` has them.

    Attributes:
        sliding_window_pattern: every so many layers one attends to all. Published files hold letters, which say
            nothing without ``layer_types``.
    """

    family: ClassVar[str] = "EXAONE 4"

    vocab_size: Size = 102400
    hidden_size: Size = 4096
    intermediate_size: Size = 16384
    num_hidden_layers: Layers = 32
    num_attention_heads: Size = 32
    num_key_value_heads: Size | None = 32
    sliding_window: Size0 | None = 4096
    sliding_window_pattern: Size0 | str | None = 4

    def problems(self) -> Iterator[Problem]:
        yield from super().problems()
        step = self.sliding_window_pattern if self.sliding_window is not None else None
        if self.layer_types is None and not (isinstance(step, int) and step):
            yield "layer_types", "missing; needed where sliding_window and sliding_window_pattern give no whole numbers"

    def own_pattern(self) -> list[str]:
        assert not isinstance(self.sliding_window_pattern, str | None)
        return every(self.num_hidden_layers, self.sliding_window_pattern, FULL, SLIDING)


def build(config: Config) -> CausalLM:
    """Layers differ in their window; beside sliding layers, full ones have no rotary positions."""

    def layer(kind: str) -> DecoderLayer:
        attention = config.attention(qk_norm=True, window=config.window_of(kind))
        attention = replace(attention, rotary=config.sliding_window is None or kind == SLIDING)
        return DecoderLayer(config.hidden_size, attention, config.mlp(), sandwich=True, pre_norm=False)

    return config.causal_lm(stack(config.pattern(), layer, config.num_hidden_layers))
