"""ERNIE 4.5 with experts: every so many layers of a range are sparse, with shared experts beside the routed ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Interval

from weighbridge.models import ernie4_5
from weighbridge.models.config import LARGEST, Layers, Size, Size0
from weighbridge.nn import CausalLM, DecoderLayer, Head, MixtureOfExperts, stack
from weighbridge.nn.choice import Choice
from weighbridge.nn.problems import Problem, at_most
from weighbridge.traced import plain


@dataclass(frozen=True, kw_only=True)
class Config(ernie4_5.Config):
    """Defaults of ERNIE 4.5 21B-A3B.

    Attributes:
        moe_k: routed experts that a token goes to.
        moe_num_experts: routed experts.
        moe_num_shared_experts: shared experts, built as one of that many times the routed size.
        moe_intermediate_size: width inside one expert.
        moe_layer_start_index: the first layer that may be sparse.
        moe_layer_end_index: the last one; -1 for the model's last.
        moe_layer_interval: every so many layers one is.
    """

    family: ClassVar[str] = "ERNIE 4.5 MoE"
    aliases: ClassVar[dict[str, str]] = {"num_experts": "moe_num_experts", "num_experts_per_tok": "moe_k"}

    hidden_size: Size = 2560
    intermediate_size: Size = 12288
    num_hidden_layers: Layers = 28
    num_attention_heads: Size = 20
    num_key_value_heads: Size = 4
    head_dim: Size | None = None
    moe_k: Size = 6
    moe_num_experts: Size = 64
    moe_num_shared_experts: Size0 = 2
    moe_intermediate_size: Size = 1536
    moe_layer_start_index: Size0 = 1
    moe_layer_end_index: Annotated[int, Interval(ge=-1, le=LARGEST)] = -1
    moe_layer_interval: Size = 1

    def problems(self) -> Iterator[Problem]:
        yield from super().problems()
        yield from at_most(self, "moe_k", "moe_num_experts")

    def sparse(self) -> list[str]:
        """Whether each layer is dense or holds a mixture of experts."""
        layers, end = plain(self.num_hidden_layers), plain(self.moe_layer_end_index)
        places = range(plain(self.moe_layer_start_index), layers if end == -1 else min(end + 1, layers))
        step = plain(self.moe_layer_interval)
        return ["moe" if i in places and (i + 1) % step == 0 else "dense" for i in range(layers)]

    def moe(self) -> MixtureOfExperts:
        """Its experts. What balances them is a parameter in ``transformers``, if one without gradient, and counted."""
        return MixtureOfExperts(
            self.hidden_size,
            self.moe_intermediate_size,
            self.moe_num_experts,
            self.moe_k,
            self.moe_intermediate_size * self.moe_num_shared_experts if plain(self.moe_num_shared_experts) else None,
            router_bias=True,
            scoring=Choice(in_fp32=True, narrow=True, bounded=True),
            shared_bias=bool(self.use_bias),
        )


def build(config: Config) -> CausalLM:
    """Layers differ in being sparse or dense."""
    bias = bool(config.use_bias)

    def layer(kind: str) -> DecoderLayer:
        feed_forward = config.moe() if kind == "moe" else config.mlp(bias)
        return DecoderLayer(
            config.hidden_size, config.attention(bias, bias, angles="interleaved in fp32"), feed_forward
        )

    head = Head(config.hidden_size, config.vocab_size, config.tie_word_embeddings, bias)
    return config.causal_lm(stack(config.sparse(), layer, config.num_hidden_layers), head=head)
