"""DeepSeek-V2: multi-head latent attention, fine-grained and shared experts, the first layers dense."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from weighbridge.models.config import Config as BaseConfig
from weighbridge.models.config import Layers, Size, Size0
from weighbridge.nn import (
    CausalLM,
    DecoderLayer,
    GatedMLP,
    MixtureOfExperts,
    Module,
    MultiHeadLatentAttention,
    Repeat,
    stack,
)
from weighbridge.nn.choice import Choice
from weighbridge.nn.problems import Problem, at_most
from weighbridge.traced import plain


@dataclass(frozen=True, kw_only=True)
class LatentConfig(BaseConfig):
    """What DeepSeek-V2 and V3 share.

    Attributes:
        first_k_dense_replace: layers at the start that are dense.
        n_routed_experts: routed experts.
        n_shared_experts: shared experts, built as one of that many times the routed size.
        num_experts_per_tok: routed experts that a token goes to.
        moe_intermediate_size: width inside one expert.
        norm_topk_prob: weights of a token's experts are divided by their sum, which V2 leaves out in any case.
        topk_method: "group_limited_greedy" chooses among the experts of some groups alone.
    """

    correction_bias: ClassVar[bool] = False
    scores: ClassVar[str] = "softmax"
    angles: ClassVar[str] = "complex"

    intermediate_size: Size
    num_attention_heads: Size
    q_lora_rank: Size | None
    kv_lora_rank: Size = 512
    qk_nope_head_dim: Size = 128
    qk_rope_head_dim: Size = 64
    v_head_dim: Size = 128
    attention_bias: bool = False
    first_k_dense_replace: Size0
    n_routed_experts: Size
    n_shared_experts: Size0
    num_experts_per_tok: Size
    moe_intermediate_size: Size
    norm_topk_prob: bool = False
    topk_method: str = "greedy"

    def problems(self) -> Iterator[Problem]:
        yield from super().problems()
        yield from at_most(self, "num_experts_per_tok", "n_routed_experts")

    def attention(self) -> Module:
        """This configuration's latent attention."""
        return MultiHeadLatentAttention(**self.latent_sizes())

    def latent_sizes(self) -> dict[str, Any]:
        """The fields of latent attention."""
        return {
            "hidden_size": self.hidden_size,
            "num_heads": self.num_attention_heads,
            "kv_lora_rank": self.kv_lora_rank,
            "qk_nope_head_dim": self.qk_nope_head_dim,
            "qk_rope_head_dim": self.qk_rope_head_dim,
            "v_head_dim": self.v_head_dim,
            "q_lora_rank": self.q_lora_rank,
            "bias": self.attention_bias,
            "angles": self.angles,
        }

    def choice(self) -> Choice:
        """How the router's scores become weights."""
        return Choice(self.scores, True, self.norm_topk_prob, limited=self.topk_method == "group_limited_greedy")

    def layer(self, sparse: bool, mlp_bias: bool = False, attention: Module | None = None) -> DecoderLayer:
        """A dense or a sparse layer; ``mlp_bias`` is that of the dense network and of the shared experts."""
        moe = MixtureOfExperts(
            self.hidden_size,
            self.moe_intermediate_size,
            self.n_routed_experts,
            self.num_experts_per_tok,
            self.moe_intermediate_size * self.n_shared_experts,
            correction_bias=self.correction_bias,
            shared_bias=mlp_bias,
            choice=self.choice(),
        )
        dense = GatedMLP(self.hidden_size, self.intermediate_size, mlp_bias)
        return DecoderLayer(self.hidden_size, attention or self.attention(), moe if sparse else dense)

    def runs(self, layer: Callable[[str], DecoderLayer]) -> tuple[Repeat, ...]:
        """Dense layers first, sparse ones after."""
        first, layers = self.first_k_dense_replace, self.num_hidden_layers
        return stack(self.sparse(), layer, layers, {"dense": first, "moe": layers - first})

    def sparse(self) -> list[str]:
        """Whether each layer is dense or holds a mixture of experts."""
        first, layers = plain(self.first_k_dense_replace), plain(self.num_hidden_layers)
        return ["dense" if i < first else "moe" for i in range(layers)]


@dataclass(frozen=True, kw_only=True)
class Config(LatentConfig):
    """Defaults as ``transformers`` has them; they leave ``num_experts_per_tok`` open."""

    family: ClassVar[str] = "DeepSeek-V2"
    aliases: ClassVar[dict[str, str]] = {"num_experts": "n_routed_experts"}

    vocab_size: Size = 102400
    hidden_size: Size = 4096
    intermediate_size: Size = 11008
    num_hidden_layers: Layers = 32
    num_attention_heads: Size = 32
    q_lora_rank: Size | None = 1536
    first_k_dense_replace: Size0 = 0
    n_routed_experts: Size = 64
    n_shared_experts: Size0 = 2
    mlp_bias: bool = False
    moe_intermediate_size: Size = 1407


def build(config: Config) -> CausalLM:
    """Dense layers first, sparse ones after."""

    def layer(kind: str) -> DecoderLayer:
        return config.layer(kind == "moe", config.mlp_bias)

    return config.causal_lm(config.runs(layer))
