"""GPT-2: LayerNorm, multi-head attention and a plain MLP with biases, learned positions, tied embeddings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from weighbridge.models.config import Layers, Size
from weighbridge.models.equal_heads_config import EqualHeadsConfig
from weighbridge.nn import CausalLM, DecoderLayer, LayerNorm, Repeat, TokenAndPosition
from weighbridge.nn.problems import Problem


@dataclass(frozen=True, kw_only=True)
class Config(EqualHeadsConfig):
    """Defaults of GPT-2 small.

    Attributes:
        n_inner: width inside the MLP; four times the hidden size if ``None``.
        max_position_embeddings: learned positions.
        add_cross_attention: attend to an encoder, which a decoder-only model does not.
    """

    family: ClassVar[str] = "GPT-2"
    projection: ClassVar[str] = "Conv1D"
    aliases: ClassVar[dict[str, str]] = {
        "n_embd": "hidden_size",
        "n_head": "num_attention_heads",
        "n_layer": "num_hidden_layers",
        "n_positions": "max_position_embeddings",
    }

    activation: ClassVar[str] = "gelu_new"
    narrow_softmax: ClassVar[bool] = True

    vocab_size: Size = 50257
    hidden_size: Size = 768
    n_inner: Size | None = None
    num_hidden_layers: Layers = 12
    num_attention_heads: Size = 12
    max_position_embeddings: Size = 1024
    tie_word_embeddings: bool = True
    add_cross_attention: bool = False

    def problems(self) -> Iterator[Problem]:
        yield from super().problems()
        if self.add_cross_attention:
            yield "add_cross_attention", "true makes an encoder-decoder model, which is not covered; allowed: false"


def build(config: Config) -> CausalLM:
    """Every layer is the same."""
    narrow = config.narrow_softmax
    attention = config.attention(qkv_bias=True, out_bias=True, fused=True, rotary=False, narrow_softmax=narrow)
    mlp = config.plain_mlp(config.n_inner, bias=True, activation=config.activation)
    layer = DecoderLayer(config.hidden_size, attention, mlp, norm=LayerNorm)
    embedding = TokenAndPosition(config.vocab_size, config.max_position_embeddings, config.hidden_size)
    return config.causal_lm([Repeat(layer, config.num_hidden_layers)], embedding, LayerNorm(config.hidden_size))
