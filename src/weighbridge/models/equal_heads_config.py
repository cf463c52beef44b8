"""Configurations whose query heads divide the hidden size among them, as GPT-2 and those after it write them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from weighbridge.arithmetic import Count, exact_div
from weighbridge.models.config import AttentionConfig, Config, Size
from weighbridge.nn import MLP, GroupedQueryAttention
from weighbridge.nn.problems import Problem, must_divide
from weighbridge.traced import Label, named


@dataclass(frozen=True, kw_only=True)
class EqualHeadsConfig(Config):
    """A decoder without a head dimension of its own.

    Attributes:
        num_attention_heads: query heads.
    """

    num_attention_heads: Size

    @property
    def kv_heads(self) -> Count:
        """Key/value heads: as many as query heads unless the family says otherwise."""
        return self.num_attention_heads

    def problems(self) -> Iterator[Problem]:
        yield from super().problems()
        yield from must_divide(self, "hidden_size", "num_attention_heads")

    def attention(self, **choices: Any) -> GroupedQueryAttention:
        """This configuration's attention, with what the family chooses of its fields."""
        head_dim = named(exact_div(self.hidden_size, self.num_attention_heads), Label("head_dim"))
        return GroupedQueryAttention(self.hidden_size, self.num_attention_heads, self.kv_heads, head_dim, **choices)

    def plain_mlp(self, width: Count | None = None, bias: bool = False, activation: str = "gelu") -> MLP:
        """A feed-forward network of two projections; four times as wide as the hidden size if no width is given."""
        return MLP(self.hidden_size, 4 * self.hidden_size if width is None else width, bias, activation)


def heads_fill_hidden(config: AttentionConfig) -> Iterator[Problem]:
    """A problem where heads have a size of their own but their normalisations are made for equal shares."""
    if config.head_dim is not None and config.head_dim * config.num_attention_heads != config.hidden_size:
        needed = f"num_attention_heads = {config.num_attention_heads:,} times it has to be hidden_size"
        yield "head_dim", f"{config.head_dim:,}, but {needed} = {config.hidden_size:,} where queries are normalised"
