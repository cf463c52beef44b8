"""Step-3.5, and the language model of Step-3.7: sliding layers with heads of their own, a gate per head, experts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import MaxLen

from weighbridge.arithmetic import Count
from weighbridge.models.config import (
    FULL,
    MOST_LAYERS,
    SLIDING,
    AttentionConfig,
    Layers,
    Letters,
    Names,
    Places,
    Size,
    Size0,
    check_pattern,
    window,
)
from weighbridge.models.partial_rotary_config import Share, share_of
from weighbridge.nn import (
    CausalLM,
    DecoderLayer,
    HeadGatedAttention,
    MixtureOneByOne,
    MultiTokenPrediction,
    Repeat,
    stack,
)
from weighbridge.nn.choice import Choice
from weighbridge.nn.norm import OffsetRMSNorm
from weighbridge.nn.problems import Problem, at_most
from weighbridge.traced import plain

Shares = Annotated[list[Share], MaxLen(MOST_LAYERS)]
"""A share of each layer."""

SPARSE, DENSE = "sparse", "dense"
ACTIVATION = "clamped_silu"


@dataclass(frozen=True, kw_only=True)
class SlidingHeads:
    """What published files say of sliding layers.

    Attributes:
        num_attention_heads: their query heads.
    """

    title: ClassVar[str] = "sliding"
    aliases: ClassVar[dict[str, str]] = {}

    num_attention_heads: Size | None = None


@dataclass(frozen=True, kw_only=True)
class Config(AttentionConfig):
    """Defaults as ``transformers`` has them. Lists of layers may go on with the multi-token prediction layers.

    Attributes:
        sliding_window: positions that a sliding layer sees.
        num_sliding_attention_heads: query heads of sliding layers; as many as others have if nothing says.
        attention_other_setting: the same as published files have it.
        n_routed_experts: routed experts (``transformers`` sets it after ``num_local_experts``, which so has no say).
        share_expert_dim: width inside the shared expert.
        partial_rotary_factors: the share of each head's elements that positions turn, layer by layer.
        layer_types: what each layer attends to.
        mlp_layer_types: whether each layer is dense or holds a mixture of experts.
        moe_layers_enum: the sparse layers, as published files have them.
        first_k_dense_replace: how many layers are dense, where neither of those says which.
        mtp_layer_types: what each prediction layer attends to.
        mtp_mlp_layer_types: whether each prediction layer is dense or sparse.
    """

    family: ClassVar[str] = "Step-3.5"
    aliases: ClassVar[dict[str, str]] = {
        "num_attention_groups": "num_key_value_heads",
        "num_experts": "n_routed_experts",
        "moe_num_experts": "n_routed_experts",
        "moe_top_k": "num_experts_per_tok",
        "share_expert_dims": "share_expert_dim",
        "num_mtp_layers": "num_nextn_predict_layers",
    }

    vocab_size: Size = 128815
    hidden_size: Size = 4096
    intermediate_size: Size = 11264
    num_hidden_layers: Layers = 45
    num_attention_heads: Size = 64
    num_key_value_heads: Size = 8
    head_dim: Size = 128
    attention_bias: bool = False
    mlp_bias: bool = False
    sliding_window: Size0 | None = None
    num_sliding_attention_heads: Size | None = None
    attention_other_setting: SlidingHeads | None = None
    n_routed_experts: Size = 288
    num_experts_per_tok: Size = 8
    moe_intermediate_size: Size = 1280
    share_expert_dim: Size = 1280
    partial_rotary_factors: Shares | None = None
    layer_types: Names | None = None
    mlp_layer_types: Names | None = None
    moe_layers_enum: Letters | Places | None = None
    first_k_dense_replace: Size0 = 3
    num_nextn_predict_layers: Size0 = 0
    mtp_layer_types: Names | None = None
    mtp_mlp_layer_types: Names | None = None

    def problems(self) -> Iterator[Problem]:
        yield from super().problems()
        yield from at_most(self, "num_experts_per_tok", "n_routed_experts")
        heads, groups = self.heads_of(SLIDING), self.num_key_value_heads
        if heads % groups:
            yield "num_sliding_attention_heads", f"{heads:,} does not divide by num_key_value_heads = {groups:,}"
        wrong = list(self.wrong_lists())
        yield from wrong
        if not wrong and len(set(self.kinds()[self.num_hidden_layers :])) > 1:
            yield "num_nextn_predict_layers", "prediction layers of several kinds are not covered"

    def wrong_lists(self) -> Iterator[Problem]:
        """Problems of lists of layers."""
        layers, ahead = self.num_hidden_layers, self.num_nextn_predict_layers
        for field, choices, lengths in (
            ("layer_types", (FULL, SLIDING), (layers, layers + ahead)),
            ("mlp_layer_types", (DENSE, SPARSE), (layers, layers + ahead)),
            ("mtp_layer_types", (FULL, SLIDING), (ahead,)),
            ("mtp_mlp_layer_types", (DENSE, SPARSE), (ahead,)),
        ):
            given = getattr(self, field) or ()
            yield from check_pattern(field, given, choices, None)
            if given and len(given) not in lengths:
                yield field, f"has {len(given):,} entries for {lengths[0]:,} layers"
        if not all(place.strip().isdigit() for place in self.enumerated()):
            yield "moe_layers_enum", f"got {self.moe_layers_enum!r}; expected numbers of layers, such as '3,4,5'"

    def notes(self) -> Iterator[str]:
        yield from super().notes()
        if SLIDING in (self.layer_types or ()) and self.heads_of(SLIDING) is self.num_attention_heads:
            yield f"nothing says how many heads sliding layers have, so {self.num_attention_heads:,} as the others"

    def enumerated(self) -> list[str]:
        """The sparse layers, as files list them."""
        places = self.moe_layers_enum or []
        return [p for p in places.split(",") if p.strip()] if isinstance(places, str) else [str(p) for p in places]

    def kinds(self) -> list[tuple[str, str]]:
        """What each layer attends to and whether it is sparse; those of prediction layers last."""
        layers, ahead = plain(self.num_hidden_layers), plain(self.num_nextn_predict_layers)
        mixers = self.layer_types or [FULL] * layers
        if len(mixers) == layers:
            mixers = mixers + (self.mtp_layer_types or [FULL] * ahead)
        sparse = {int(place) for place in self.enumerated()}
        if self.moe_layers_enum is None:
            sparse = set(range(plain(self.first_k_dense_replace), layers))
        networks = self.mlp_layer_types or [SPARSE if i in sparse else DENSE for i in range(layers + ahead)]
        if len(networks) == layers:
            networks = networks + (self.mtp_mlp_layer_types or [DENSE] * ahead)
        return list(zip(mixers, ("moe" if name == SPARSE else name for name in networks), strict=True))

    def heads_of(self, layer_type: str) -> Count:
        """Query heads of a layer of that type."""
        other = self.attention_other_setting or SlidingHeads()
        said = (self.num_sliding_attention_heads, other.num_attention_heads) if layer_type == SLIDING else ()
        return next((heads for heads in said if heads is not None), self.num_attention_heads)

    def layer(self, kind: tuple[str, str]) -> DecoderLayer:
        """A layer of what it attends to, dense or sparse."""
        bias = self.attention_bias
        attention = HeadGatedAttention(
            self.hidden_size,
            self.heads_of(kind[0]),
            self.num_key_value_heads,
            self.head_dim,
            bias,
            bias,
            qk_norm=True,
            norm="OffsetRMSNorm",
            window=window(self.sliding_window) if kind[0] == SLIDING else None,
            partial_rotary=True,
            rotary_dim=self.turned(kind[0]),
            angles_of=kind[0],
        )
        experts = MixtureOneByOne(
            self.hidden_size,
            self.moe_intermediate_size,
            self.n_routed_experts,
            self.num_experts_per_tok,
            self.share_expert_dim,
            correction_bias=True,
            shared_bias=self.mlp_bias,
            activation=ACTIVATION,
            scoring=Choice("sigmoid"),
        )
        network = experts if kind[1] == "moe" else self.mlp(self.mlp_bias, ACTIVATION)
        return DecoderLayer(self.hidden_size, attention, network, norm=OffsetRMSNorm)

    def turned(self, layer_type: str) -> Count | None:
        """Elements of a head that positions turn in layers of a type: the first of them says what share."""
        types = self.layer_types or [FULL]
        if not self.partial_rotary_factors or layer_type not in types:
            return None
        return share_of(self.head_dim, self.partial_rotary_factors[types.index(layer_type)])


def build(config: Config) -> CausalLM:
    """Layers differ in their window and heads, and in being sparse or dense; prediction layers do not differ."""
    kinds, layers = config.kinds(), plain(config.num_hidden_layers)
    prediction = None
    if len(kinds) > layers:
        one = MultiTokenPrediction(config.hidden_size, config.vocab_size, config.layer(kinds[-1]))
        prediction = Repeat(one, config.num_nextn_predict_layers)
    runs = stack(kinds[:layers], config.layer, config.num_hidden_layers)
    return config.causal_lm(runs, norm=OffsetRMSNorm(config.hidden_size), prediction=prediction)
