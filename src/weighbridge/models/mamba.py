"""Mamba: a stack of selective scans without attention or feed-forward networks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from weighbridge.arithmetic import Count
from weighbridge.models.config import Config as BaseConfig
from weighbridge.models.config import Layers, Size
from weighbridge.models.mamba_config import Auto, step_rank
from weighbridge.nn import CausalLM, DecoderLayer, Mamba1, Repeat


@dataclass(frozen=True, kw_only=True)
class Config(BaseConfig):
    """Defaults as ``transformers`` has them.

    Attributes:
        intermediate_size: channels; ``expand x hidden_size`` if ``None``.
        time_step_rank: width of the bottleneck of the step size; a sixteenth of the hidden size if "auto".
    """

    family: ClassVar[str] = "Mamba"

    vocab_size: Size = 50280
    hidden_size: Size = 768
    state_size: Size = 16
    num_hidden_layers: Layers = 32
    expand: Size = 2
    intermediate_size: Size | None = None
    conv_kernel: Size = 4
    use_bias: bool = False
    use_conv_bias: bool = True
    time_step_rank: Size | Auto = "auto"
    tie_word_embeddings: bool = True

    @property
    def inner_size(self) -> Count:
        """Channels."""
        return self.expand * self.hidden_size if self.intermediate_size is None else self.intermediate_size


def build(config: Config) -> CausalLM:
    """Every layer is the same."""
    rank = step_rank(config.time_step_rank, config.hidden_size)
    sizes = (config.hidden_size, config.inner_size, config.state_size, rank, config.conv_kernel)
    layer = DecoderLayer(config.hidden_size, Mamba1(*sizes, config.use_bias, config.use_conv_bias))
    return config.causal_lm([Repeat(layer, config.num_hidden_layers)])
