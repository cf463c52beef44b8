"""The model that Megatron-LM's arguments describe, as pretrain_gpt.py and pretrain_hybrid.py build it.

Sources: megatron/training/arguments.py (validate_args), megatron/training/argument_utils.py
(core_transformer_config_from_args), megatron/core/models/gpt/gpt_layer_specs.py, megatron/core/models/hybrid.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from weighbridge.errors import InputError, given
from weighbridge.formats.megatron import patterns
from weighbridge.formats.megatron.arguments import Arguments
from weighbridge.models import Model
from weighbridge.models.nemotron_h import Branches
from weighbridge.nn import (
    MLP,
    CausalLM,
    DecoderLayer,
    Embedding,
    GatedDeltaNet,
    GatedMLP,
    GroupedQueryAttention,
    Head,
    LayerNorm,
    Mamba2,
    MixtureOfExperts,
    Module,
    MultiHeadLatentAttention,
    MultiTokenPrediction,
    Repeat,
    RMSNorm,
    TokenAndPosition,
    stack,
)

VOCABULARIES = {"GPT2BPETokenizer": 50257}
"""Tokenizers whose vocabulary is always the same."""

ROTARY = ("rope", "yarn", "mrope")

Kinds = tuple[str, str]
"""What a layer mixes with and what it feeds forward with."""


@dataclass(frozen=True)
class Shape:
    """Sizes as Megatron-LM derives them from its arguments.

    Attributes:
        arguments: the arguments, checked.
        vocab_size: entries of the vocabulary, before padding.
    """

    arguments: Arguments
    vocab_size: int

    @cached_property
    def layers(self) -> int:
        """Decoder layers."""
        if self.hybrid is not None:
            return len(self.hybrid.layers)
        return self.arguments.size("num_layers") or self.arguments.integer("encoder_num_layers")

    @cached_property
    def hidden(self) -> int:
        """Width of the residual stream."""
        return self.arguments.integer("hidden_size")

    @cached_property
    def heads(self) -> int:
        """Query heads."""
        return self.arguments.integer("num_attention_heads")

    @cached_property
    def groups(self) -> int:
        """Query groups, which --num-query-groups sets only along with --group-query-attention."""
        grouped = self.arguments.flag("group_query_attention")
        return self.arguments.integer("num_query_groups") if grouped else self.heads

    @cached_property
    def head_dim(self) -> int:
        """Elements per head."""
        return self.arguments.size("kv_channels") or self.hidden // self.heads

    @cached_property
    def ffn(self) -> int:
        """Width inside the dense feed-forward network."""
        given_size = self.arguments.size("ffn_hidden_size")
        if given_size is not None:
            return given_size
        return int((4 * self.hidden * 2 / 3) / 64) * 64 if self.arguments.flag("swiglu") else 4 * self.hidden

    @cached_property
    def gated(self) -> bool:
        """Whether feed-forward networks have a gate."""
        return self.arguments.flag("swiglu") or self.arguments.flag("quick_geglu")

    @cached_property
    def activation(self) -> str:
        """The activation's name."""
        chosen = {"swiglu": "silu", "squared_relu": "relu2", "quick_geglu": "quick_gelu"}
        return next((word for flag, word in chosen.items() if self.arguments.flag(flag)), "gelu")

    @cached_property
    def bias(self) -> bool:
        """Whether projections add a bias."""
        return self.arguments.flag("add_bias_linear")

    @cached_property
    def norm(self) -> type[RMSNorm]:
        """What normalises."""
        return LayerNorm if self.arguments.text("normalization") == "LayerNorm" else RMSNorm

    @cached_property
    def positions(self) -> str:
        """What tells positions apart."""
        rotary = self.arguments.flag("use_rotary_position_embeddings")
        return "rope" if rotary else self.arguments.text("position_embedding_type") or "none"

    @cached_property
    def hybrid(self) -> patterns.Hybrid | None:
        """The hybrid pattern, if the model is one."""
        text = self.arguments.text("hybrid_layer_pattern") or self.arguments.text("hybrid_override_pattern")
        return None if text is None else patterns.hybrid(text)

    @cached_property
    def experts(self) -> int:
        """Routed experts; 0 for a dense model."""
        return self.arguments.size("num_experts") or 0

    @cached_property
    def prediction(self) -> int:
        """Multi-token prediction layers."""
        if self.hybrid is not None:
            return self.hybrid.depths
        return self.arguments.size("mtp_num_layers") or 0

    @cached_property
    def mamba_heads(self) -> int:
        """Heads of Mamba layers: as many as twice the hidden size has, unless they are given."""
        given_heads = self.arguments.size("mamba_num_heads")
        return given_heads or 2 * self.hidden // self.arguments.integer("mamba_head_dim")

    def kinds(self) -> list[Kinds]:
        """What each decoder layer holds."""
        return list(zip(self.mixers(), self.networks(), strict=True))

    def networks(self) -> list[str]:
        """Whether each layer is dense or sparse: --moe-layer-freq N makes every N-th sparse, from the first on."""
        if not self.experts:
            return ["dense"] * self.layers
        return ["moe" if on else "dense" for on in self.pattern("moe_layer_freq", lambda i, n: i % n == 0)]

    def mixers(self) -> list[str]:
        """How each layer mixes positions."""
        if self.arguments.text("experimental_attention_variant") in ("gdn", "gated_delta_net"):
            linear = self.pattern("linear_attention_freq", lambda i, n: (i + 1) % n != 0)
            return ["gdn" if on else "attention" for on in linear]
        if self.window is None or self.arguments.text("window_attn_skip_freq") is None:
            return ["attention" if self.window is None else "window"] * self.layers
        windowed = self.pattern("window_attn_skip_freq", lambda i, n: (i + 1) % n)
        return ["window" if on else "attention" for on in windowed]

    def pattern(self, dest: str, rule: Any) -> list[bool]:
        """A yes or no for every layer, from a step or a list.

        Raises:
            InputError: for a list of another length.
        """
        name = f"--{dest.replace('_', '-')}"
        found = patterns.frequency(name, self.arguments.text(dest) or "1")
        if isinstance(found, int):
            return [bool(rule(place, found)) for place in range(self.layers)]
        if len(found) != self.layers:
            raise InputError(f"{name}: has {len(found):,} entries; the model has {self.layers:,} layers")
        return [bool(on) for on in found]

    @cached_property
    def window(self) -> int | None:
        """Positions that a token sees at most, itself included.

        Raises:
            InputError: if --window-size is no pair of whole numbers.
        """
        text = self.arguments.text("window_size")
        if text is None:
            return None
        left = text.strip("() ").partition(",")[0].strip()
        if not left.removeprefix("-").isdecimal() or len(left) > 10:
            raise InputError(f"--window-size: got {given(text)}; expected two whole numbers such as 127,0")
        return None if int(left) < 0 else int(left) + 1


def attention(shape: Shape, windowed: bool = False, latent: bool | None = None) -> Module:
    """Softmax attention: grouped queries, or latent with --multi-latent-attention."""
    read = shape.arguments
    if read.flag("multi_latent_attention") if latent is None else latent:
        return MultiHeadLatentAttention(
            shape.hidden,
            shape.heads,
            read.integer("kv_lora_rank"),
            read.integer("qk_head_dim"),
            read.integer("qk_pos_emb_head_dim"),
            read.integer("v_head_dim"),
            read.size("q_lora_rank"),
            out_bias=shape.bias,
            norms=read.flag("qk_layernorm"),
            layer_norm=shape.norm is LayerNorm,
        )
    gate = read.flag("attention_output_gate")
    return GroupedQueryAttention(
        shape.hidden,
        shape.heads,
        shape.groups,
        shape.head_dim,
        shape.bias or read.flag("add_qkv_bias"),
        shape.bias,
        read.flag("qk_layernorm"),
        shape.window if windowed else None,
        read.text("softmax_type") == "learnable",
        gate,
        fused=not gate,
        rotary=shape.positions in ROTARY,
        norm=shape.norm.__name__,
    )


def mixer(shape: Shape, kind: str) -> Module:
    """What mixes positions in a layer of that kind."""
    read = shape.arguments
    if kind == "mamba":
        sizes = (read.integer("mamba_head_dim"), read.integer("mamba_state_dim"), read.integer("mamba_num_groups"))
        return Mamba2(shape.hidden, shape.mamba_heads, *sizes, conv_kernel=4)
    if kind == "gdn":
        return GatedDeltaNet(
            shape.hidden,
            read.integer("linear_num_key_heads"),
            read.integer("linear_num_value_heads"),
            read.integer("linear_key_head_dim"),
            read.integer("linear_value_head_dim"),
            read.integer("linear_conv_kernel_dim"),
        )
    return attention(shape, kind == "window", True if kind in ("mla", "dsa") else None)


def feed_forward(shape: Shape, kind: str) -> Module:
    """The dense network or the mixture of experts."""
    read = shape.arguments
    if kind == "moe":
        return MixtureOfExperts(
            shape.hidden,
            read.size("moe_ffn_hidden_size") or shape.ffn,
            shape.experts,
            read.integer("moe_router_topk"),
            read.size("moe_shared_expert_intermediate_size"),
            read.flag("moe_shared_expert_gate"),
            shape.gated,
            shape.bias,
            correction_bias=read.flag("moe_router_enable_expert_bias"),
            latent_size=read.size("moe_latent_size"),
            activation=shape.activation,
        )
    if shape.gated:
        return GatedMLP(shape.hidden, shape.ffn, shape.bias, shape.activation, fused=True)
    return MLP(shape.hidden, shape.ffn, shape.bias, shape.activation)


def layer(shape: Shape, kinds: Kinds) -> DecoderLayer:
    """A decoder layer of two branches."""
    return DecoderLayer(shape.hidden, mixer(shape, kinds[0]), feed_forward(shape, kinds[1]), shape.norm)


def branch(shape: Shape, kind: str) -> DecoderLayer:
    """A layer of a hybrid model, which has one branch only."""
    part = feed_forward(shape, kind) if kind in ("mlp", "moe") else mixer(shape, kind)
    return DecoderLayer(shape.hidden, part, None, shape.norm)


def runs(shape: Shape) -> tuple[Repeat, ...]:
    """All decoder layers, equal ones folded."""
    if shape.hybrid is not None:
        return stack(shape.hybrid.layers, lambda kind: branch(shape, kind), shape.layers)
    return stack(shape.kinds(), lambda kinds: layer(shape, kinds), shape.layers)


def prediction(shape: Shape) -> Repeat | None:
    """Multi-token prediction: layers like the last, or a hybrid pattern's own."""
    if not shape.prediction:
        return None
    if shape.hybrid is not None:
        ahead = shape.hybrid.prediction
        one: Module = Branches(stack(ahead, lambda kind: branch(shape, kind), len(ahead)))
    else:
        one = layer(shape, shape.kinds()[-1])
    module = MultiTokenPrediction(shape.hidden, shape.vocab_size, one, shape.norm is LayerNorm)
    return Repeat(module, shape.prediction)


def network(shape: Shape) -> CausalLM:
    """The whole model."""
    tied = not shape.arguments.flag("untie_embeddings_and_output_weights")
    embedding: Module = Embedding(shape.vocab_size, shape.hidden)
    if shape.positions == "learned_absolute":
        positions = shape.arguments.integer("max_position_embeddings")
        embedding = TokenAndPosition(shape.vocab_size, positions, shape.hidden)
    head = Head(shape.hidden, shape.vocab_size, tied)
    return CausalLM(embedding, runs(shape), shape.norm(shape.hidden), head, prediction(shape))


def vocabulary(arguments: Arguments, vocab_size: int | None = None) -> int:
    """Entries of the vocabulary before padding.

    Args:
        arguments: --padded-vocab-size, else --vocab-size, else what the tokenizer is known to have.
        vocab_size: for callers that know; goes before the arguments.

    Raises:
        InputError: where nothing says.
    """
    tokenizer = arguments.text("tokenizer_type") or "GPT2BPETokenizer"
    said = vocab_size or arguments.size("padded_vocab_size") or arguments.size("vocab_size")
    found = said or VOCABULARIES.get(tokenizer)
    if found is None:
        why = f"{tokenizer} does not say how many entries it has"
        raise InputError(f"--vocab-size: missing; {why}; give --vocab-size or --padded-vocab-size")
    return found + (0 if arguments.size("padded_vocab_size") or vocab_size else arguments.integer("vocab_extra_ids"))


def name(shape: Shape) -> str:
    """What the model is called in reports."""
    kind = "hybrid" if shape.hybrid is not None else "GPT"
    experts = f", {shape.experts} experts" if shape.experts else ""
    return f"Megatron-LM {kind}: {shape.layers} layers, hidden size {shape.hidden:,}{experts}"


def model(arguments: Arguments, vocab_size: int | None = None) -> tuple[Model, tuple[str, ...]]:
    """The model of checked arguments, and what is not modelled of it.

    Args:
        arguments: Megatron-LM's arguments.
        vocab_size: entries of the vocabulary, for callers that know.

    Raises:
        InputError: for sizes that make no model.
    """
    shape = Shape(arguments, vocabulary(arguments, vocab_size))
    return Model.of(network(shape), name(shape)), tuple(_unmodelled(shape, vocab_size))


def _unmodelled(shape: Shape, vocab_size: int | None) -> Iterator[str]:
    """What the modules do not tell apart, a line each."""
    read = shape.arguments
    told = vocab_size or read.size("vocab_size") or read.size("padded_vocab_size") or read.text("tokenizer_type")
    if not told:
        yield f"--vocab-size: not given; taken as GPT2BPETokenizer's {shape.vocab_size:,}"
    variant = read.text("experimental_attention_variant")
    if variant not in (None, "gdn", "gated_delta_net"):
        yield f"--experimental-attention-variant {variant}: bears on memory and is not modelled"
    if shape.hybrid is not None and "dsa" in shape.hybrid.layers:
        yield "--hybrid-layer-pattern: the indexer of D layers bears on memory and is not modelled"
    if read.flag("qk_l2_norm"):
        yield "--qk-l2-norm: bears on memory and is not modelled"
