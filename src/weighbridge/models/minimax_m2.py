"""MiniMax-M2 and M2.5: queries and keys normalised over all heads, fine-grained experts with a balancing offset."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from weighbridge.models.config import AttentionConfig, Layers, Size, Size0
from weighbridge.nn import CausalLM, DecoderLayer, MixtureOfExperts, Repeat
from weighbridge.nn.choice import Choice
from weighbridge.nn.problems import Problem, at_most


@dataclass(frozen=True, kw_only=True)
class Config(AttentionConfig):
    """Defaults of MiniMax-M2.

    Attributes:
        rotary_dim: elements of a head that positions turn; all of them if ``None``.
        num_mtp_modules: multi-token prediction modules, as published files have them; ``transformers`` has none.
        use_mtp: whether there are any.
    """

    family: ClassVar[str] = "MiniMax-M2"
    aliases: ClassVar[dict[str, str]] = {"num_experts": "num_local_experts"}

    vocab_size: Size = 200064
    hidden_size: Size = 3072
    intermediate_size: Size = 1536
    num_hidden_layers: Layers = 62
    num_attention_heads: Size = 48
    num_key_value_heads: Size | None = 8
    head_dim: Size | None = 128
    num_local_experts: Size = 256
    num_experts_per_tok: Size = 8
    rotary_dim: Size | None = None
    use_mtp: bool = False
    num_mtp_modules: Size0 | None = 0

    def problems(self) -> Iterator[Problem]:
        yield from super().problems()
        yield from at_most(self, "num_experts_per_tok", "num_local_experts")


def build(config: Config) -> CausalLM:
    """Every layer is the same, that of a prediction module too."""
    moe = MixtureOfExperts(
        config.hidden_size,
        config.intermediate_size,
        config.num_local_experts,
        config.num_experts_per_tok,
        correction_bias=True,
        scoring=Choice("sigmoid"),
    )

    def layer() -> DecoderLayer:
        attention = config.attention(
            qk_norm=True, norm_over="all heads", partial_rotary=True, rotary_dim=config.rotary_dim
        )
        return DecoderLayer(config.hidden_size, attention, moe)

    prediction = config.prediction(config.num_mtp_modules if config.use_mtp else None, layer())
    return config.causal_lm([Repeat(layer(), config.num_hidden_layers)], prediction=prediction)
