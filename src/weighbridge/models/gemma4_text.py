"""Gemma 4's language model: wider heads where layers attend to everything, a dense network beside experts, inputs of
layers of their own, and last layers that share keys and values; each of them where its configuration has it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import MaxLen

from weighbridge.arithmetic import Count
from weighbridge.models.config import FULL, MOST_LAYERS, SLIDING, Layers, Size, Size0, every
from weighbridge.models.layer_input_config import LayerInputConfig
from weighbridge.nn import CausalLM, GatedMLP, Module, stack
from weighbridge.nn.beside import DenseBesideExperts, LayerInputLayer
from weighbridge.nn.cross_layer import CrossLayerAttention
from weighbridge.nn.per_layer import ScaledEmbedding
from weighbridge.nn.power_norm import PowerRMSNorm
from weighbridge.nn.problems import Problem, at_most
from weighbridge.traced import plain

OwnSizes = Annotated[dict[Annotated[str, MaxLen(9)], dict[str, Size]], MaxLen(MOST_LAYERS)]
"""Sizes that single layers have, by their number."""

HEAD_DIM, KV_HEADS = "head_dim", "num_key_value_heads"


@dataclass(frozen=True, kw_only=True)
class Config(LayerInputConfig):
    """Defaults as ``transformers`` has them.

    Attributes:
        global_head_dim: elements per head of layers that attend to everything.
        num_global_key_value_heads: their key/value heads, where ``attention_k_eq_v`` holds; as others' if ``None``.
        attention_k_eq_v: values of those layers are what their keys are made from.
        per_layer_config: what ``transformers`` writes instead of the two sizes: those of single layers.
        enable_moe_block: experts stand beside the dense network.
        use_double_wide_mlp: layers that share keys and values are twice as wide inside.
        use_bidirectional_attention: "vision" lets tokens of one image see each other; "all" is no decoder.
    """

    family: ClassVar[str] = "Gemma 4"

    vocab_size: Size = 262144
    hidden_size: Size = 2304
    intermediate_size: Size = 9216
    num_hidden_layers: Layers = 30
    num_attention_heads: Size = 8
    num_key_value_heads: Size = 4
    head_dim: Size = 256
    tie_word_embeddings: bool = True
    attention_bias: bool = False
    sliding_window: Size0 | None = 512
    num_kv_shared_layers: Size0 = 0
    global_head_dim: Size = 512
    num_global_key_value_heads: Size | None = None
    attention_k_eq_v: bool = False
    per_layer_config: OwnSizes | None = None
    enable_moe_block: bool = False
    num_experts: Size | None = None
    top_k_experts: Size | None = None
    moe_intermediate_size: Size | None = None
    use_double_wide_mlp: bool = False
    use_bidirectional_attention: str | None = None

    def problems(self) -> Iterator[Problem]:
        yield from super().problems()
        if self.use_bidirectional_attention not in (None, "vision"):
            yield "use_bidirectional_attention", f"{self.use_bidirectional_attention!r}; covered are null and 'vision'"
        if self.enable_moe_block:
            for name in ("num_experts", "top_k_experts", "moe_intermediate_size"):
                if getattr(self, name) is None:
                    yield name, "missing, but enable_moe_block is true"
            if self.num_experts is not None:
                yield from at_most(self, "top_k_experts", "num_experts")
        yield from self.problems_of_layers()

    def problems_of_layers(self) -> Iterator[Problem]:
        """What does not fit together of the sizes of single layers."""
        pattern, given = self.pattern(), self.per_layer_config or {}
        for number, own in given.items():
            if not number.isdecimal() or int(number) >= len(pattern):
                yield "per_layer_config", f"{number!r} is no layer of num_hidden_layers = {len(pattern):,}"
            for name in sorted(set(own) - {HEAD_DIM, KV_HEADS}):
                yield "per_layer_config", f"{name!r} of layer {number}; only {HEAD_DIM} and {KV_HEADS} may differ"
        by_layer = self.given_sizes()
        for i, layer_type in enumerate(pattern):
            if self.per_layer_config and by_layer.get(i, {}) != by_layer.get(pattern.index(layer_type), {}):
                yield "per_layer_config", f"layer {i} is {layer_type} with other sizes than those before it"
        for layer_type in dict.fromkeys(pattern):
            groups = self.own_sizes(layer_type).get(KV_HEADS, 1)
            if self.num_attention_heads % groups:
                text = f"{self.num_attention_heads:,} does not divide by the {groups:,} key/value heads"
                yield "num_attention_heads", f"{text} of {layer_type} layers"

    def pattern(self) -> list[str]:
        return [*super().pattern()[:-1], FULL]  # transformers forces the last

    def own_pattern(self) -> list[str]:
        return every(self.num_hidden_layers, 6, FULL, SLIDING)

    def given_sizes(self) -> dict[int, Mapping[str, Count]]:
        """Sizes of single layers that the configuration holds."""
        return {int(number): own for number, own in (self.per_layer_config or {}).items() if number.isdecimal()}

    def own_sizes(self, layer_type: str) -> Mapping[str, Count]:
        """Sizes that layers of a type have of their own."""
        if self.per_layer_config is not None:
            return self.given_sizes().get(self.pattern().index(layer_type), {})
        if layer_type != FULL:
            return {}
        groups = self.num_global_key_value_heads if self.attention_k_eq_v else None
        return {HEAD_DIM: self.global_head_dim, **({} if groups is None else {KV_HEADS: groups})}

    def mixer(self, layer_type: str, reads: bool) -> CrossLayerAttention:
        """Attention of its type's own sizes, with keys and values of its own or of another layer."""
        own = self.own_sizes(layer_type)
        return CrossLayerAttention(
            self.hidden_size,
            self.num_attention_heads,
            own.get(KV_HEADS, self.num_key_value_heads),
            own.get(HEAD_DIM, self.head_dim),
            self.attention_bias,
            self.attention_bias,
            window=self.window_of(layer_type),
            angles_of=layer_type,
            reads=reads,
            keys_are_values=self.attention_k_eq_v and layer_type == FULL,
        )

    def feed_forward(self, reads: bool) -> Module:
        """A dense network, with experts beside it if there are any."""
        inner = 2 * self.intermediate_size if self.use_double_wide_mlp and reads else self.intermediate_size
        if not self.enable_moe_block:
            return GatedMLP(self.hidden_size, inner, activation="gelu")
        experts, top_k, width = self.num_experts, self.top_k_experts, self.moe_intermediate_size
        assert experts is not None, "problems() says so"
        assert top_k is not None, "problems() says so"
        assert width is not None, "problems() says so"
        return DenseBesideExperts(self.hidden_size, inner, width, experts, top_k)


def build(config: Config) -> CausalLM:
    """Layers differ in what they attend to, and in whether they share keys and values."""
    has_inputs = plain(config.hidden_size_per_layer_input) != 0

    def layer(kind: tuple[str, str]) -> LayerInputLayer:
        reads = kind[1] == "shared"
        return LayerInputLayer(
            config.hidden_size,
            config.mixer(kind[0], reads),
            config.feed_forward(reads),
            norm=PowerRMSNorm,
            sandwich=True,
            per_layer_input=config.layer_input() if has_inputs else None,
            last_only=reads,
        )

    shared = ("shared" if reads else "own" for reads in config.shared())
    kinds = list(zip(config.pattern(), shared, strict=True))
    embedding = config.layer_embedding() if has_inputs else ScaledEmbedding(config.vocab_size, config.hidden_size)
    norm = PowerRMSNorm(config.hidden_size)
    return config.language_model(stack(kinds, layer, config.num_hidden_layers), embedding, norm)
