"""A model as Megatron-LM's arguments; what formats/megatron/model.py reads the other way round."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from typing import TypeGuard

from weighbridge.models import Model
from weighbridge.nn import (
    MLP,
    DecoderLayer,
    GatedMLP,
    GroupedQueryAttention,
    Head,
    LayerNorm,
    MixtureOfExperts,
    Module,
    MultiHeadLatentAttention,
    PartialRotaryAttention,
    Repeat,
    TokenAndPosition,
)
from weighbridge.traced import plain
from weighbridge.tree import Node, every, stored

ACTIVATIONS = {
    (True, "silu"): "--swiglu",
    (True, "quick_gelu"): "--quick-geglu",
    (False, "relu2"): "--squared-relu",
    (False, "gelu"): "",
    (False, "gelu_new"): "",
    (False, "gelu_pytorch_tanh"): "",
}
"""Switches of feed-forward networks, by whether they have a gate and by activation."""


class NoWordsError(Exception):
    """Megatron-LM has no argument for a part of a model; the words say which."""


def model_words(model: Model, sequence: int) -> list[str]:
    """The arguments of a model, positions for at least a sequence.

    Raises:
        NoWordsError: where Megatron-LM has no arguments for it.
    """
    network = model.network
    layers = _layers(network.layers)
    head = network.head
    if not isinstance(head, Head) or head.bias:
        raise NoWordsError("its output head")
    positions = sequence
    if isinstance(network.embedding, TokenAndPosition):
        positions = max(positions, _int(network.embedding.max_positions))
    first = layers[0]
    sizes = {"num-layers": len(layers), "hidden-size": first.hidden_size, "max-position-embeddings": positions}
    words = [word for name, size in sizes.items() for word in (f"--{name}", str(_int(size)))]
    words += ["--vocab-size", str(_int(head.vocab_size)), *_norm(first)]
    words += [] if head.tied else ["--untie-embeddings-and-output-weights"]
    words += _attention([_mixer(layer) for layer in layers], isinstance(network.embedding, TokenAndPosition))
    words += _feed_forward([layer.feed_forward for layer in layers])
    words += _biases(layers)
    if network.prediction is not None:
        words += ["--mtp-num-layers", str(_int(network.prediction.count))]
    return words


def parameters(model: Model) -> int:
    """Parameters of a model, prediction layers among them."""

    def own(node: Node) -> int:
        return sum(_int(weight.count) for weight in node.weights.values() if not weight.buffer)

    return _int(model.tree.sum(own, stored, include=every))


def _int(value: object) -> int:
    return int(plain(value))


def _layers(runs: Iterable[Repeat]) -> list[DecoderLayer]:
    """Every decoder layer in order.

    Raises:
        NoWordsError: where one is of another kind.
    """
    placed: dict[int, DecoderLayer] = {}
    for run in runs:
        layer = run.module
        if type(layer) is not DecoderLayer or layer.sandwich or not layer.pre_norm or layer.feed_forward is None:
            raise NoWordsError("its layers")
        for place in run.places or range(len(placed), len(placed) + _int(run.count)):
            placed[place] = layer
    return [placed[place] for place in sorted(placed)]


def _fields(module: Module) -> tuple[object, ...]:
    """What a module was made of."""
    return (type(module), *(getattr(module, field.name) for field in fields(module)))


def _mixer(layer: DecoderLayer) -> Module:
    if not isinstance(layer.mixer, GroupedQueryAttention | MultiHeadLatentAttention):
        raise NoWordsError(f"its {type(layer.mixer).__name__} layers")
    return layer.mixer


def _norm(layer: DecoderLayer) -> list[str]:
    return [] if isinstance(layer.norm, type) and issubclass(layer.norm, LayerNorm) else ["--normalization", "RMSNorm"]


def _attention(mixers: Sequence[Module], learned: bool) -> Iterator[str]:
    """Heads, positions, windows.

    Raises:
        NoWordsError: where layers differ in more than their window.
    """
    first = mixers[0]
    if isinstance(first, MultiHeadLatentAttention):
        yield from _latent(first, mixers)
        return
    assert isinstance(first, GroupedQueryAttention)
    shapes = {
        (_int(m.num_heads), _int(m.num_kv_heads), _int(m.head_dim), m.qk_norm, m.sinks, m.output_gate, m.rotary)
        for m in mixers
        if usual(m)
    }
    if len(shapes) != 1 or not all(usual(m) for m in mixers):
        raise NoWordsError("attention that differs from layer to layer")
    heads, groups, width, qk_norm, sinks, gate, rotary = shapes.pop()
    yield from ("--num-attention-heads", str(heads), "--kv-channels", str(width))
    if groups != heads:
        yield from ("--group-query-attention", "--num-query-groups", str(groups))
    yield from ("--qk-layernorm",) if qk_norm else ()
    yield from ("--softmax-type", "learnable") if sinks else ()
    yield from ("--attention-output-gate",) if gate else ()
    yield from ("--position-embedding-type", "learned_absolute" if learned else "rope" if rotary else "none")
    if isinstance(first, PartialRotaryAttention):
        yield from ("--rotary-percent", f"{_int(first.rotary_dim) / width:g}")
    yield from _windows([None if m.window is None else _int(m.window) for m in mixers if hasattr(m, "window")])


def usual(mixer: Module) -> TypeGuard[GroupedQueryAttention]:
    """Whether attention is what Megatron-LM has arguments for: its own class, each head normalised or none."""
    if not isinstance(mixer, GroupedQueryAttention) or type(mixer) not in (
        GroupedQueryAttention,
        PartialRotaryAttention,
    ):
        return False
    return mixer.norm_over == "head" and mixer.v_head_dim is None


def _windows(windows: Sequence[int | None]) -> Iterator[str]:
    sizes = {window for window in windows if window is not None}
    if not sizes:
        return
    if len(sizes) > 1:
        raise NoWordsError("windows of several sizes")
    yield from ("--window-size", f"{sizes.pop() - 1},0")
    if None in windows:
        yield from ("--window-attn-skip-freq", frequency([window is not None for window in windows]))


def _latent(first: MultiHeadLatentAttention, mixers: Sequence[Module]) -> Iterator[str]:
    if len({_fields(mixer) for mixer in mixers}) > 1 or first.bias:
        raise NoWordsError("latent attention that differs from layer to layer")
    sizes = {
        "num-attention-heads": first.num_heads,
        "kv-lora-rank": first.kv_lora_rank,
        "qk-head-dim": first.qk_nope_head_dim,
        "qk-pos-emb-head-dim": first.qk_rope_head_dim,
        "v-head-dim": first.v_head_dim,
    }
    yield from ("--multi-latent-attention", "--position-embedding-type", "rope")
    yield from (word for name, size in sizes.items() for word in (f"--{name}", str(_int(size))))
    yield from ("--q-lora-rank", str(_int(first.q_lora_rank))) if first.q_lora_rank is not None else ()
    yield from ("--qk-layernorm",) if first.norms else ()


def _feed_forward(networks: Sequence[Module | None]) -> Iterator[str]:
    """The dense network, and experts with the layers that have them.

    Raises:
        NoWordsError: where networks of a kind differ, or their activation has no switch.
    """
    sparse = [network for network in networks if isinstance(network, MixtureOfExperts)]
    dense = [network for network in networks if isinstance(network, MLP | GatedMLP)]
    if len(sparse) + len(dense) != len(networks):
        raise NoWordsError("its feed-forward networks")
    kinds = {(isinstance(n, GatedMLP), n.activation) for n in dense} | {(n.gated, n.activation) for n in sparse}
    widths = {_int(network.intermediate_size) for network in dense}
    if len(kinds) > 1 or len(widths) > 1 or not kinds <= ACTIVATIONS.keys():
        raise NoWordsError(f"feed-forward networks of {', '.join(sorted(name for _, name in kinds))}")
    yield from (word for word in (ACTIVATIONS[kinds.pop()],) if word)
    yield from ("--ffn-hidden-size", str(widths.pop())) if widths else ()
    if sparse:
        if len({_fields(network) for network in sparse}) > 1:
            raise NoWordsError("experts that differ from layer to layer")
        yield from _experts(sparse[0])
        if dense:
            pattern = [isinstance(network, MixtureOfExperts) for network in networks]
            yield from ("--moe-layer-freq", frequency(pattern))


def _experts(experts: MixtureOfExperts) -> Iterator[str]:
    if experts.router_bias or experts.shared_bias:
        raise NoWordsError("biases of its router")
    sizes = {
        "num-experts": experts.num_experts,
        "moe-ffn-hidden-size": experts.intermediate_size,
        "moe-router-topk": experts.top_k,
        "moe-shared-expert-intermediate-size": experts.shared_intermediate_size,
        "moe-latent-size": experts.latent_size,
    }
    yield from (word for name, size in sizes.items() if size is not None for word in (f"--{name}", str(_int(size))))
    yield from ("--moe-shared-expert-gate",) if experts.shared_gate else ()
    yield from ("--moe-router-pre-softmax",) if _int(experts.top_k) == 1 else ()
    if experts.correction_bias:
        yield from ("--moe-router-enable-expert-bias", "--moe-router-score-function", "sigmoid")


def _biases(layers: Sequence[DecoderLayer]) -> Iterator[str]:
    """Whether projections add biases: all, none, or those of queries, keys and values alone.

    Raises:
        NoWordsError: for other combinations.
    """
    found: set[tuple[bool, bool, bool]] = set()
    for layer in layers:
        mixer, network = layer.mixer, layer.feed_forward
        queries, out = False, False
        if isinstance(mixer, GroupedQueryAttention):
            queries, out = mixer.qkv_bias, mixer.out_bias
        elif isinstance(mixer, MultiHeadLatentAttention):
            queries = out = bool(mixer.out_bias)
        found.add((queries, out, bool(getattr(network, "bias", False))))
    if found == {(True, True, True)}:
        return
    if not found <= {(True, False, False), (False, False, False)} or len(found) > 1:
        raise NoWordsError("biases of some of its projections")
    yield "--disable-bias-linear"
    yield from ("--add-qkv-bias",) if found.pop()[0] else ()


def frequency(pattern: Sequence[bool]) -> str:
    """A yes or no for every layer, as Megatron-LM takes it: ``([0]*3+[1]*58)``."""
    runs: list[tuple[bool, int]] = []
    for on in pattern:
        same = runs and runs[-1][0] == on
        runs[-1:] = [(on, runs[-1][1] + 1)] if same else [*runs[-1:], (on, 1)]
    return "(" + "+".join(f"[{int(on)}]*{times}" for on, times in runs) + ")"
