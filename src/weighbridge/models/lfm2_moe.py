"""LFM2-MoE: LFM2's short convolutions and attention, with a mixture of experts in all layers but the first ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from weighbridge.models.config import FULL, Layers, PatternConfig, Size, Size0
from weighbridge.models.lfm2 import CONVOLUTION
from weighbridge.nn import CausalLM, DecoderLayer, MixtureOfExperts, Module, ShortConvolution, stack
from weighbridge.nn.choice import Choice
from weighbridge.nn.problems import Problem, at_most
from weighbridge.traced import plain


@dataclass(frozen=True, kw_only=True)
class Config(PatternConfig):
    """Defaults of LFM2-8B-A1B.

    Attributes:
        conv_L_cache: positions that a short convolution sees.
        num_dense_layers: layers at the start that are dense.
        use_expert_bias: the router has a balancing buffer.
    """

    family: ClassVar[str] = "LFM2-MoE"
    aliases: ClassVar[dict[str, str]] = {"tie_embedding": "tie_word_embeddings"}
    layer_choices: ClassVar[tuple[str, ...]] = (FULL, CONVOLUTION)

    vocab_size: Size = 65536
    hidden_size: Size = 2048
    intermediate_size: Size = 7168
    num_hidden_layers: Layers = 32
    num_attention_heads: Size = 32
    num_key_value_heads: Size | None = 8
    tie_word_embeddings: bool = True
    conv_bias: bool = False
    conv_L_cache: Size = 3  # noqa: N815 (the field is called so)
    num_dense_layers: Size0 = 2
    num_experts: Size = 32
    num_experts_per_tok: Size = 4
    moe_intermediate_size: Size = 1792
    use_expert_bias: bool = True
    norm_topk_prob: bool = True

    def problems(self) -> Iterator[Problem]:
        yield from super().problems()
        yield from at_most(self, "num_experts_per_tok", "num_experts")
        if self.layer_types is None:
            yield "layer_types", f"missing; allowed for each layer: {', '.join(self.layer_choices)}"

    def feed_forward(self, place: int) -> str:
        """Whether a layer is dense or holds a mixture of experts."""
        return "dense" if place < plain(self.num_dense_layers) else "moe"

    def experts(self) -> MixtureOfExperts:
        """The mixture of experts."""
        sizes = (self.hidden_size, self.moe_intermediate_size, self.num_experts, self.num_experts_per_tok)
        scoring = Choice("sigmoid", wide=False, normalised=self.norm_topk_prob)
        return MixtureOfExperts(*sizes, correction_bias=self.use_expert_bias, scoring=scoring)


def build(config: Config) -> CausalLM:
    """Layers differ in their mixer and in being dense or sparse."""

    def layer(kind: tuple[str, str]) -> DecoderLayer:
        short = ShortConvolution(config.hidden_size, config.conv_L_cache, config.conv_bias)
        mixer: Module = config.attention(qk_norm=True) if kind[0] == FULL else short
        return DecoderLayer(config.hidden_size, mixer, config.experts() if kind[1] == "moe" else config.mlp())

    kinds = [(mixer, config.feed_forward(place)) for place, mixer in enumerate(config.pattern())]
    return config.causal_lm(stack(kinds, layer, config.num_hidden_layers))
