"""DBRX: one clipped projection for grouped queries, keys and values, LayerNorm without biases, experts everywhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar

from weighbridge.arithmetic import Count
from weighbridge.models.config import Layers, Size
from weighbridge.models.equal_heads_config import EqualHeadsConfig
from weighbridge.models.section_config import Section
from weighbridge.nn import CausalLM, ClippedAttention, DecoderLayer, MixtureOneByOne, Repeat
from weighbridge.nn.attention import of_kind
from weighbridge.nn.choice import Choice
from weighbridge.nn.norm import LayerNormWithoutBias
from weighbridge.nn.problems import Problem, at_most


@dataclass(frozen=True, kw_only=True)
class AttentionSection(Section):
    """What ``attn_config`` holds.

    Attributes:
        kv_n_heads: key/value heads.
        clip_qkv: the bound that queries, keys and values are clipped to.
    """

    kv_n_heads: Size = 1
    clip_qkv: float | None = None


@dataclass(frozen=True, kw_only=True)
class ExpertsSection(Section):
    """What ``ffn_config`` holds.

    Attributes:
        ffn_hidden_size: width inside one expert.
        moe_num_experts: experts.
        moe_top_k: experts that a token goes to.
        moe_normalize_expert_weights: the norm that their weights are divided by; not at all if ``None``.
    """

    ffn_hidden_size: Size = 3584
    moe_num_experts: Size = 4
    moe_top_k: Size = 1
    moe_normalize_expert_weights: float | None = 1.0


@dataclass(frozen=True, kw_only=True)
class Config(EqualHeadsConfig):
    """Defaults as ``transformers`` has them, which published files replace."""

    family: ClassVar[str] = "DBRX"
    aliases: ClassVar[dict[str, str]] = {
        "d_model": "hidden_size",
        "n_heads": "num_attention_heads",
        "n_layers": "num_hidden_layers",
    }

    vocab_size: Size = 32000
    hidden_size: Size = 2048
    num_hidden_layers: Layers = 24
    num_attention_heads: Size = 16
    attn_config: AttentionSection | None = field(default_factory=AttentionSection)
    ffn_config: ExpertsSection | None = field(default_factory=ExpertsSection)

    @property
    def attends(self) -> AttentionSection:
        """The section of attention; its defaults where a file writes null."""
        return self.attn_config or AttentionSection()

    @property
    def experts(self) -> ExpertsSection:
        """The section of experts; its defaults where a file writes null."""
        return self.ffn_config or ExpertsSection()

    @property
    def kv_heads(self) -> Count:
        return self.attends.kv_n_heads

    def problems(self) -> Iterator[Problem]:
        yield from super().problems()
        heads, groups = self.num_attention_heads, self.kv_heads
        if heads % groups:
            yield "attn_config.kv_n_heads", f"{groups:,} does not divide num_attention_heads = {heads:,}"
        for name, problem in at_most(self.experts, "moe_top_k", "moe_num_experts"):
            yield f"ffn_config.{name}", problem
        if self.tie_word_embeddings:
            yield "tie_word_embeddings", "true is not supported for this family; allowed: false"


def build(config: Config) -> CausalLM:
    """Every layer is the same."""
    hidden, experts = config.hidden_size, config.experts
    attention = config.attention(fused=True)
    if config.attends.clip_qkv is not None:
        attention = of_kind(ClippedAttention, attention)
    sizes = (hidden, experts.ffn_hidden_size, experts.moe_num_experts, experts.moe_top_k)
    scoring = Choice(wide=False, normalised=experts.moe_normalize_expert_weights is not None)
    moe = MixtureOneByOne(*sizes, scoring=scoring, joined=False)
    layer = DecoderLayer(hidden, attention, moe, norm=LayerNormWithoutBias)
    return config.causal_lm([Repeat(layer, config.num_hidden_layers)], norm=LayerNormWithoutBias(hidden))
