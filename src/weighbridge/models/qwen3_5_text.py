"""The language model of Qwen3.5: Qwen3-Next's mixers, dense networks, and a layer that predicts further."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from weighbridge.models.config import FULL, Layers, Size, Size0
from weighbridge.models.delta_config import DeltaConfig
from weighbridge.nn import CausalLM, DecoderLayer, Module, MultiTokenPrediction, Repeat, stack
from weighbridge.nn.norm import OffsetRMSNorm
from weighbridge.traced import plain


@dataclass(frozen=True, kw_only=True)
class PredictingConfig(DeltaConfig):
    """What Qwen3.5 and its mixtures share.

    Attributes:
        mtp_num_hidden_layers: attention layers of the multi-token prediction module, which has one projection and one
            final norm for all of them (vLLM, qwen3_5_mtp.py; ``transformers`` leaves it out).
    """

    joins_projections: ClassVar[bool] = False
    positions_each: ClassVar[bool] = True

    vocab_size: Size = 248320
    num_attention_heads: Size = 16
    head_dim: Size = 256
    mtp_num_hidden_layers: Size0 = 0

    def model(self, feed_forward: Callable[[], Module]) -> CausalLM:
        """Layers that differ in their mixer; those of the prediction module attend."""

        def layer(kind: str) -> DecoderLayer:
            return DecoderLayer(self.hidden_size, self.mixer(kind), feed_forward(), OffsetRMSNorm)

        prediction = None
        if plain(self.mtp_num_hidden_layers):
            one = layer(FULL)
            ahead = one if plain(self.mtp_num_hidden_layers) == 1 else Repeat(one, self.mtp_num_hidden_layers)
            prediction = Repeat(MultiTokenPrediction(self.hidden_size, self.vocab_size, ahead), 1)
        layers = stack(self.pattern(), layer, self.num_hidden_layers)
        return self.causal_lm(layers, norm=OffsetRMSNorm(self.hidden_size), prediction=prediction)


@dataclass(frozen=True, kw_only=True)
class Config(PredictingConfig):
    """Defaults as ``transformers`` has them."""

    family: ClassVar[str] = "Qwen3.5 text"

    hidden_size: Size = 4096
    intermediate_size: Size = 12288
    num_hidden_layers: Layers = 32
    num_key_value_heads: Size = 4


def build(config: Config) -> CausalLM:
    """Every layer has the same feed-forward network."""
    return config.model(config.mlp)
