"""OLMo 2: RMSNorm of each branch's result, and of all heads of queries and keys together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from weighbridge.arithmetic import Count
from weighbridge.models.config import AttentionConfig, Layers, Size
from weighbridge.nn import CausalLM, DecoderLayer, Repeat
from weighbridge.nn.norm import WideRMSNorm


@dataclass(frozen=True, kw_only=True)
class Config(AttentionConfig):
    """Defaults as ``transformers`` has them."""

    family: ClassVar[str] = "OLMo 2"

    vocab_size: Size = 50304
    hidden_size: Size = 4096
    intermediate_size: Size = 11008
    num_hidden_layers: Layers = 32
    num_attention_heads: Size = 32
    attention_bias: bool = False

    def layer(self, window: Count | None = None, angles_of: str = "") -> DecoderLayer:
        """A layer, every one of whose tokens sees a window or all before it."""
        attention = self.attention(
            self.attention_bias,
            self.attention_bias,
            qk_norm=True,
            window=window,
            norm="WideRMSNorm",
            norm_over="all heads",
            angles="whole in fp32",
            angles_of=angles_of,
        )
        return DecoderLayer(self.hidden_size, attention, self.mlp(), WideRMSNorm, sandwich=True, pre_norm=False)


def build(config: Config) -> CausalLM:
    """Every layer is the same."""
    return config.causal_lm([Repeat(config.layer(), config.num_hidden_layers)], norm=WideRMSNorm(config.hidden_size))
