"""DeepSeek-V3.2: V3's block, in which attention sees the positions that a small indexer chooses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from weighbridge.models.config import Names, Size, Size0, check_pattern
from weighbridge.models.deepseek_v3 import Config as V3Config
from weighbridge.nn import CausalLM, DecoderLayer, Module, SparseLatentAttention, stack
from weighbridge.nn.problems import Problem
from weighbridge.traced import plain

CHOOSES, SHARES = "full", "shared"
"""What a layer's attention sees: what its own indexer chooses, or what the one before it chose."""


@dataclass(frozen=True, kw_only=True)
class SparseAttentionConfig(V3Config):
    """What families with DeepSeek sparse attention share.

    Attributes:
        mlp_layer_types: "dense" or "sparse" for each layer; the first ``first_k_dense_replace`` are dense if ``None``.
        index_n_heads: heads of the indexer.
        index_head_dim: elements of each.
        index_topk: positions that attention sees.
    """

    aliases: ClassVar[dict[str, str]] = {"num_local_experts": "n_routed_experts", "num_experts": "n_routed_experts"}

    q_lora_rank: Size = 1536
    num_nextn_predict_layers: Size0 | None = 0
    mlp_layer_types: Names | None = None
    index_n_heads: Size = 64
    index_head_dim: Size = 128
    index_topk: Size = 2048

    def problems(self) -> Iterator[Problem]:
        yield from super().problems()
        if self.mlp_layer_types is not None:
            allowed = ("dense", "sparse")
            yield from check_pattern("mlp_layer_types", self.mlp_layer_types, allowed, self.num_hidden_layers)

    def feed_forwards(self) -> list[str]:
        """Whether each layer is dense or holds a mixture of experts."""
        if self.mlp_layer_types is None:
            return self.sparse()
        return ["moe" if kind == "sparse" else "dense" for kind in self.mlp_layer_types]

    def choices(self) -> list[str]:
        """What each layer's attention sees."""
        return [CHOOSES] * plain(self.num_hidden_layers)

    def attention(self, choice: str = CHOOSES) -> Module:
        """Latent attention with an indexer of its own, or with the choice of the layer before."""
        return SparseLatentAttention(
            **self.latent_sizes(),
            index_heads=self.index_n_heads,
            index_head_dim=self.index_head_dim,
            index_topk=self.index_topk,
            shares_choice=choice == SHARES,
        )


@dataclass(frozen=True, kw_only=True)
class Config(SparseAttentionConfig):
    """Defaults of DeepSeek-V3.2-Exp."""

    family: ClassVar[str] = "DeepSeek-V3.2"


def build(config: SparseAttentionConfig) -> CausalLM:
    """Layers differ in being dense or sparse, and in having an indexer."""

    def layer(kind: tuple[str, str]) -> DecoderLayer:
        return config.layer(kind[0] == "moe", attention=config.attention(kind[1]))

    kinds = list(zip(config.feed_forwards(), config.choices(), strict=True))
    prediction = config.prediction(config.num_nextn_predict_layers, layer(("moe", CHOOSES)))
    return config.causal_lm(stack(kinds, layer, config.num_hidden_layers), prediction=prediction)
