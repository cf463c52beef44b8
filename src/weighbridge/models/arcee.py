"""Arcee AFM: Llama's block with a squared ReLU between two projections instead of three."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from weighbridge.models import llama
from weighbridge.models.config import Size
from weighbridge.nn import MLP, CausalLM, DecoderLayer, Repeat
from weighbridge.nn.problems import Problem, must_divide


@dataclass(frozen=True, kw_only=True)
class Config(llama.Config):
    """Defaults as ``transformers`` has them."""

    family: ClassVar[str] = "Arcee"

    hidden_size: Size = 2560
    intermediate_size: Size = 18432

    def problems(self) -> Iterator[Problem]:
        yield from super().problems()
        if self.head_dim is not None:  # transformers refuses it all the same
            yield from must_divide(self, "hidden_size", "num_attention_heads")


def build(config: Config) -> CausalLM:
    """Every layer is the same."""
    attention = config.attention(config.attention_bias, config.attention_bias)
    mlp = MLP(config.hidden_size, config.intermediate_size, config.mlp_bias, "relu2")
    return config.causal_lm([Repeat(DecoderLayer(config.hidden_size, attention, mlp), config.num_hidden_layers)])
