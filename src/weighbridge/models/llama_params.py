"""Llama's own ``params.json``: the model of :mod:`weighbridge.models.llama` under the names that Meta's files use."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Interval

from weighbridge.arithmetic import Count, ceil_div, floor_div, scale
from weighbridge.models import llama
from weighbridge.models.config import LARGEST, Layers, Size
from weighbridge.nn import CausalLM
from weighbridge.nn.problems import Problem, must_divide
from weighbridge.traced import Label, named


@dataclass(frozen=True, kw_only=True)
class Config:
    """Fields of ``params.json``; defaults of Meta's ``ModelArgs`` (llama3, llama/model.py).

    Attributes:
        dim: width of the residual stream.
        n_layers: decoder layers.
        n_heads: query heads.
        n_kv_heads: key/value heads; as many as query heads if ``None``.
        vocab_size: tokens of the vocabulary. Llama 1 and 2 files say -1 and leave it to the tokenizer.
        multiple_of: the ffn size is rounded up to a multiple of this.
        ffn_dim_multiplier: scales the ffn size before rounding.
    """

    family: ClassVar[str] = "Llama"
    aliases: ClassVar[dict[str, str]] = {}
    derived: ClassVar[dict[str, str]] = {}

    dim: Size
    n_layers: Layers
    n_heads: Size
    n_kv_heads: Size | None = None
    vocab_size: Annotated[int, Interval(ge=-1, le=LARGEST)]
    multiple_of: Size = 256
    ffn_dim_multiplier: Annotated[float, Interval(ge=0.01, le=1000)] | None = None
    dtype: str | None = None

    @property
    def ffn_hidden_size(self) -> Count:
        """Width inside the feed-forward network: two thirds of ``4 x dim``, scaled, **then** rounded up to a multiple
        (llama3, llama/model.py, FeedForward)."""
        size = floor_div(2 * 4 * self.dim, 3)
        if self.ffn_dim_multiplier is not None:
            size = scale(size, self.ffn_dim_multiplier)
        rounded = self.multiple_of * ceil_div(size, self.multiple_of)
        source = "llama3, llama/model.py, FeedForward"
        return named(rounded, Label("ffn_hidden_size", note="scaled, then rounded up", source=source))

    def problems(self) -> Iterator[Problem]:
        """What does not fit together."""
        yield from must_divide(self, "dim", "n_heads")
        if self.n_kv_heads is not None:
            yield from must_divide(self, "n_heads", "n_kv_heads")
        if self.vocab_size < 1:
            yield "vocab_size", f"{self.vocab_size} leaves the size to the tokenizer; give it: --set vocab_size=32000"

    def notes(self) -> Iterator[str]:
        """What readers of the figures should know."""
        yield from ()


def build(config: Config) -> CausalLM:
    """The same modules as a Hugging Face Llama configuration gives."""
    return llama.build(
        llama.Config(
            vocab_size=config.vocab_size,
            hidden_size=config.dim,
            intermediate_size=config.ffn_hidden_size,
            num_hidden_layers=config.n_layers,
            num_attention_heads=config.n_heads,
            num_key_value_heads=config.n_kv_heads,
        )
    )
