"""DeepSeek-V4: windows beside compressed keys, hyper-connections, and experts that first layers choose by a table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from annotated_types import MaxLen

from weighbridge.arithmetic import Count
from weighbridge.models.config import SLIDING, Layers, Names, Places, Size, Size0, check_pattern
from weighbridge.models.config import Config as BaseConfig
from weighbridge.models.partial_rotary_config import Share, share_of
from weighbridge.nn import (
    CausalLM,
    CompressedAttention,
    Embedding,
    HyperLayer,
    MixtureOfExperts,
    StreamEmbedding,
    StreamNorm,
    stack,
)
from weighbridge.nn.choice import Choice
from weighbridge.nn.norm import WideRMSNorm
from weighbridge.nn.problems import Problem, at_most
from weighbridge.traced import plain

SPARSE, HEAVY = "compressed_sparse_attention", "heavily_compressed_attention"
BY_RATIO = {0: SLIDING, 4: SPARSE, 128: HEAVY}
"""What published files call a layer's attention by: the positions that become one key."""


@dataclass(frozen=True, kw_only=True)
class Config(BaseConfig):
    """Defaults of DeepSeek-V4-Flash.

    Attributes:
        layer_types: what each layer sees; more entries than layers are those of prediction layers.
        compress_ratios: the same by the positions that become one key: 0, 4 or 128.
        compress_rates: those positions by type of layer.
        mlp_layer_types: "hash_moe" or "moe"; the first ``num_hash_layers`` are hashed if ``None``.
        hc_mult: residual streams.
        partial_rotary_factor: the share of each head's elements that positions turn; an eighth if nothing says.
        qk_rope_head_dim: how many those are.
        hc_sinkhorn_iters: how often rows and columns of their mixing matrices are divided by their sums.
    """

    family: ClassVar[str] = "DeepSeek-V4"
    aliases: ClassVar[dict[str, str]] = {
        "num_local_experts": "n_routed_experts",
        "intermediate_size": "moe_intermediate_size",
    }

    vocab_size: Size = 129280
    hidden_size: Size = 4096
    moe_intermediate_size: Size = 2048
    num_hidden_layers: Layers = 43
    num_attention_heads: Size = 64
    head_dim: Size = 512
    q_lora_rank: Size = 1024
    num_experts_per_tok: Size = 6
    n_routed_experts: Size = 256
    mlp_bias: bool = False
    layer_types: Names | None = None
    compress_ratios: Places | None = None
    compress_rates: Annotated[dict[str, Size], MaxLen(16)] | None = None
    compress_rate_csa: Size | None = None
    compress_rate_hca: Size | None = None
    mlp_layer_types: Names | None = None
    num_hash_layers: Size0 = 3
    hc_mult: Size = 4
    hc_sinkhorn_iters: Size = 20
    partial_rotary_factor: Share | None = None
    qk_rope_head_dim: Size | None = None
    sliding_window: Size = 128
    o_groups: Size = 8
    o_lora_rank: Size = 1024
    index_n_heads: Size = 64
    index_head_dim: Size = 128
    index_topk: Size = 512
    num_nextn_predict_layers: Size0 | None = 0

    def problems(self) -> Iterator[Problem]:
        yield from super().problems()
        yield from at_most(self, "num_experts_per_tok", "n_routed_experts")
        width = self.num_attention_heads * self.head_dim
        if width % self.o_groups:
            yield "o_groups", f"{width:,} (num_attention_heads times head_dim) does not divide by {self.o_groups:,}"
        layers = self.num_hidden_layers
        for field, allowed in (("layer_types", tuple(BY_RATIO.values())), ("mlp_layer_types", ("hash_moe", "moe"))):
            if getattr(self, field) is not None:
                yield from check_pattern(field, getattr(self, field)[:layers], allowed, layers)
        ratios = self.compress_ratios
        if self.layer_types is None and ratios is not None:
            if any(ratio not in BY_RATIO for ratio in ratios):
                wrong = next(ratio for ratio in ratios if ratio not in BY_RATIO)
                yield "compress_ratios", f"{wrong:,} is unknown; allowed: {', '.join(map(str, BY_RATIO))}"
            if len(ratios) < layers:
                yield "compress_ratios", f"has {len(ratios):,} entries for num_hidden_layers = {layers:,}"
        missing = [kind for kind in (SPARSE, HEAVY) if kind not in (self.compress_rates or self.usual_rates())]
        if missing:
            yield "compress_rates", f"has no entry for {missing[0]}"

    def notes(self) -> Iterator[str]:
        if self.num_nextn_predict_layers:
            yield "num_nextn_predict_layers: its prediction layers are in no source that was read, so left out"

    def usual_rates(self) -> dict[str, Count]:
        """Positions that become one key where the configuration does not say."""
        return {SPARSE: 4, HEAVY: 128}

    def rate(self, kind: str) -> Count | None:
        """Positions that become one key in a layer of that type; ``None`` where none are compressed."""
        own = {SPARSE: self.compress_rate_csa, HEAVY: self.compress_rate_hca}.get(kind)
        return (self.compress_rates or self.usual_rates()).get(kind) if own is None else own

    def pattern(self) -> list[str]:
        """What each layer sees."""
        layers = plain(self.num_hidden_layers)
        if self.layer_types is not None:
            return self.layer_types[:layers]
        if self.compress_ratios is not None:
            return [BY_RATIO[ratio] for ratio in self.compress_ratios[:layers]]
        return [SPARSE if i >= 2 and i % 2 else HEAVY for i in range(layers)]

    def routing(self) -> list[str]:
        """Whether each layer's experts are chosen by a table or by scores."""
        layers, hashed = plain(self.num_hidden_layers), plain(self.num_hash_layers)
        if self.mlp_layer_types is not None:
            return self.mlp_layer_types[:layers]
        return ["hash_moe" if i < hashed else "moe" for i in range(layers)]

    def turned(self) -> Count:
        """Elements of a head that positions turn."""
        if self.partial_rotary_factor is None and self.qk_rope_head_dim is not None:
            return self.qk_rope_head_dim
        return share_of(self.head_dim, self.partial_rotary_factor or 1 / 8)

    def attention(self, kind: str) -> CompressedAttention:
        """What a layer of that type sees."""
        index: dict[str, Any] = {}
        if kind == SPARSE:
            index = {"index_heads": self.index_n_heads, "index_head_dim": self.index_head_dim}
        return CompressedAttention(
            self.hidden_size,
            self.num_attention_heads,
            self.head_dim,
            self.q_lora_rank,
            self.sliding_window,
            self.o_groups,
            self.o_lora_rank,
            self.rate(kind),
            self.index_topk if kind == SPARSE else None,
            **index,
            rotary_dim=self.turned(),
        )

    def experts(self, kind: str) -> MixtureOfExperts:
        """A mixture of experts with a shared one."""
        hashed = kind == "hash_moe"
        return MixtureOfExperts(
            self.hidden_size,
            self.moe_intermediate_size,
            self.n_routed_experts,
            self.num_experts_per_tok,
            self.moe_intermediate_size,
            correction_bias=not hashed,
            shared_bias=self.mlp_bias,
            hashed=self.vocab_size if hashed else None,
            activation="silu_of_clamped",
            scoring=Choice("root of softplus", wide=False),
        )


def build(config: Config) -> CausalLM:
    """Layers differ in what they see and in how experts are chosen."""

    def layer(kind: tuple[str, str]) -> HyperLayer:
        branches = config.attention(kind[0]), config.experts(kind[1])
        return HyperLayer(config.hidden_size, *branches, config.hc_mult, WideRMSNorm, config.hc_sinkhorn_iters)

    kinds = list(zip(config.pattern(), config.routing(), strict=True))
    embedding = StreamEmbedding(Embedding(config.vocab_size, config.hidden_size), config.hc_mult)
    norm = StreamNorm(config.hidden_size, config.hc_mult, WideRMSNorm)
    return config.causal_lm(stack(kinds, layer, config.num_hidden_layers), embedding, norm)
