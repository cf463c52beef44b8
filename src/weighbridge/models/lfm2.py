"""LFM2: gated short convolutions, and attention with normalised queries and keys in some layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Interval

from weighbridge.arithmetic import Count, ceil_div, floor_div, scale
from weighbridge.models.config import FULL, Layers, PatternConfig, Places, Size
from weighbridge.nn import CausalLM, DecoderLayer, GatedMLP, ShortConvolution, stack
from weighbridge.traced import Label, named, plain

CONVOLUTION = "conv"


@dataclass(frozen=True, kw_only=True)
class Config(PatternConfig):
    """Defaults as ``transformers`` has them.

    Attributes:
        conv_L_cache: positions that a short convolution sees.
        full_attn_idxs: layers with attention, where ``layer_types`` is not given; all if ``None``.
        block_auto_adjust_ff_dim: the feed-forward width is two thirds of ``intermediate_size``, times
            ``block_ffn_dim_multiplier``, rounded up to a multiple of ``block_multiple_of``.
    """

    family: ClassVar[str] = "LFM2"
    aliases: ClassVar[dict[str, str]] = {"block_ff_dim": "intermediate_size", "tie_embedding": "tie_word_embeddings"}
    layer_choices: ClassVar[tuple[str, ...]] = (FULL, CONVOLUTION)

    vocab_size: Size = 65536
    hidden_size: Size = 2560
    intermediate_size: Size = 12288
    num_hidden_layers: Layers = 32
    num_attention_heads: Size = 32
    num_key_value_heads: Size | None = 8
    tie_word_embeddings: bool = True
    conv_bias: bool = False
    conv_L_cache: Size = 3  # noqa: N815 (the field is called so)
    block_multiple_of: Size = 256
    block_ffn_dim_multiplier: Annotated[float, Interval(gt=0, le=1000)] = 1.0
    block_auto_adjust_ff_dim: bool = True
    full_attn_idxs: Places | None = None

    def own_pattern(self) -> list[str]:
        attends, layers = self.full_attn_idxs, range(plain(self.num_hidden_layers))
        return [FULL if attends is None or i in attends else CONVOLUTION for i in layers]

    @property
    def feed_forward_size(self) -> Count:
        """Width inside the feed-forward network."""
        if not self.block_auto_adjust_ff_dim:
            return self.intermediate_size
        least = scale(floor_div(2 * self.intermediate_size, 3), self.block_ffn_dim_multiplier)
        return named(self.block_multiple_of * ceil_div(least, self.block_multiple_of), Label("feed_forward_size"))


def build(config: Config) -> CausalLM:
    """Layers differ in their mixer."""

    def layer(kind: str) -> DecoderLayer:
        short = ShortConvolution(config.hidden_size, config.conv_L_cache, config.conv_bias)
        mixer = config.attention(qk_norm=True) if kind == FULL else short
        return DecoderLayer(config.hidden_size, mixer, GatedMLP(config.hidden_size, config.feed_forward_size))

    return config.causal_lm(stack(config.pattern(), layer, config.num_hidden_layers))
