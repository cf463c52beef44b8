"""OLMo 3: OLMo 2 with three sliding layers to one that sees everything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from weighbridge.models.config import FULL, SLIDING, PatternConfig, Size0, every
from weighbridge.models.olmo2 import Config as Olmo2Config
from weighbridge.nn import CausalLM, DecoderLayer, stack
from weighbridge.nn.norm import WideRMSNorm


@dataclass(frozen=True, kw_only=True)
class Config(Olmo2Config, PatternConfig):
    """Defaults as ``transformers`` has them."""

    family: ClassVar[str] = "OLMo 3"

    sliding_window: Size0 | None = 4096

    def own_pattern(self) -> list[str]:
        return every(self.num_hidden_layers, 4, FULL, SLIDING)


def build(config: Config) -> CausalLM:
    """Layers differ only in their window."""

    def layer(kind: str) -> DecoderLayer:
        return config.layer(config.window_of(kind), kind)

    layers = stack(config.pattern(), layer, config.num_hidden_layers)
    return config.causal_lm(layers, norm=WideRMSNorm(config.hidden_size))
