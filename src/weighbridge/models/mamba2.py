"""Mamba 2: a stack of state-space layers without attention or feed-forward networks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from weighbridge.models.config import Config as BaseConfig
from weighbridge.models.config import Layers, Size
from weighbridge.nn import CausalLM, DecoderLayer, Mamba2, Repeat
from weighbridge.nn.problems import Problem, must_divide


@dataclass(frozen=True, kw_only=True)
class Config(BaseConfig):
    """Defaults of Mamba-Codestral 7B as ``transformers`` has them."""

    family: ClassVar[str] = "Mamba 2"

    vocab_size: Size = 32768
    hidden_size: Size = 4096
    num_hidden_layers: Layers = 64
    num_heads: Size = 128
    head_dim: Size = 64
    state_size: Size = 128
    expand: Size = 2
    conv_kernel: Size = 4
    n_groups: Size = 8
    use_bias: bool = False
    use_conv_bias: bool = True
    chunk_size: Size = 256

    def problems(self) -> Iterator[Problem]:
        yield from super().problems()
        yield from must_divide(self, "num_heads", "n_groups")
        inner, heads = self.expand * self.hidden_size, self.num_heads * self.head_dim
        if inner != heads:
            yield "num_heads", f"num_heads x head_dim = {heads:,} is not expand x hidden_size = {inner:,}"


def build(config: Config) -> CausalLM:
    """Every layer is the same."""
    mixer = Mamba2(
        config.hidden_size,
        config.num_heads,
        config.head_dim,
        config.state_size,
        config.n_groups,
        config.conv_kernel,
        config.use_bias,
        config.use_conv_bias,
        config.chunk_size,
    )
    layer = DecoderLayer(config.hidden_size, mixer)
    return config.causal_lm([Repeat(layer, config.num_hidden_layers)])
