"""Falcon-H1: Mamba 2 and attention side by side in every layer, with fixed factors on what they read and make."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from weighbridge.arithmetic import Count
from weighbridge.models.config import Layers, Size
from weighbridge.models.mamba_config import Mamba2Config
from weighbridge.nn import CausalLM, DecoderLayer, Repeat
from weighbridge.nn.parallel_mixers import ParallelMixers


@dataclass(frozen=True, kw_only=True)
class Config(Mamba2Config):
    """Defaults as ``transformers`` has them.

    Attributes:
        mamba_d_ssm: channels of Mamba; ``mamba_expand x hidden_size`` if ``None``.
        mamba_rms_norm: Mamba's result is normalised with its gate, not multiplied by it alone.
        projectors_bias: Mamba's out projection adds a bias; ``mamba_proj_bias`` says so of the in projection.
    """

    family: ClassVar[str] = "Falcon-H1"

    vocab_size: Size = 128000
    hidden_size: Size = 4096
    intermediate_size: Size = 14336
    num_hidden_layers: Layers = 32
    num_attention_heads: Size = 32
    num_key_value_heads: Size | None = 8
    mamba_d_ssm: Size | None = 1024
    mamba_rms_norm: bool = False
    projectors_bias: bool = False
    attention_bias: bool = False
    mlp_bias: bool = False

    @property
    def inner_size(self) -> Count:
        return super().inner_size if self.mamba_d_ssm is None else self.mamba_d_ssm


def build(config: Config) -> CausalLM:
    """Every layer is the same."""
    mamba = config.mamba(config.projectors_bias, config.mamba_rms_norm, multipliers=True)
    mixers = ParallelMixers(config.hidden_size, (mamba, config.attention(config.attention_bias, config.attention_bias)))
    layer = DecoderLayer(config.hidden_size, mixers, config.mlp(config.mlp_bias))
    return config.causal_lm([Repeat(layer, config.num_hidden_layers)])
