"""StableLM: LayerNorm around Llama's attention and MLP, which may stand side by side; optional norms of every head."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from weighbridge.arithmetic import Count
from weighbridge.models.config import Layers, Size
from weighbridge.models.equal_heads_config import EqualHeadsConfig
from weighbridge.models.partial_rotary_config import PartialRotaryConfig, Share
from weighbridge.nn import CausalLM, DecoderLayer, GatedMLP, LayerNorm, Module, ParallelLayer, Repeat
from weighbridge.nn.problems import Problem, must_divide


@dataclass(frozen=True, kw_only=True)
class Config(EqualHeadsConfig, PartialRotaryConfig):
    """Defaults of StableLM 3B.

    Attributes:
        num_key_value_heads: key/value heads.
        intermediate_size: width inside the gated MLP.
        use_qkv_bias: the projections of queries, keys and values have biases.
        qk_layernorm: every head of queries and keys is normalised, with a weight of its own.
        use_parallel_residual: attention and MLP side by side after one LayerNorm.
    """

    family: ClassVar[str] = "StableLM"

    vocab_size: Size = 50304
    hidden_size: Size = 2560
    intermediate_size: Size = 6912
    num_hidden_layers: Layers = 32
    num_attention_heads: Size = 32
    num_key_value_heads: Size = 32
    partial_rotary_factor: Share = 0.25
    use_qkv_bias: bool = False
    qk_layernorm: bool = False
    use_parallel_residual: bool = False

    @property
    def kv_heads(self) -> Count:
        return self.num_key_value_heads

    def problems(self) -> Iterator[Problem]:
        yield from super().problems()
        yield from must_divide(self, "num_attention_heads", "num_key_value_heads")


def build(config: Config) -> CausalLM:
    """Every layer is the same."""
    hidden = config.hidden_size
    attention = config.attention(
        qkv_bias=config.use_qkv_bias, qk_norm=config.qk_layernorm, norm="LayerNormWithoutBias", norm_over="each head"
    )
    branches = config.partly_turned(attention), GatedMLP(hidden, config.intermediate_size)
    layer: Module = DecoderLayer(hidden, *branches, norm=LayerNorm)
    if config.use_parallel_residual:
        layer = ParallelLayer(hidden, *branches)
    return config.causal_lm([Repeat(layer, config.num_hidden_layers)], norm=LayerNorm(hidden))
