"""The weights of a tree under the names that checkpoints give to their modules."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from weighbridge.arithmetic import Count
from weighbridge.models.storage import Site
from weighbridge.nn import MLP, Embedding, Head, Linear
from weighbridge.nn.moe import SharedExpertGate
from weighbridge.tape import Weight
from weighbridge.traced import plain
from weighbridge.tree import Kind, Node, layer_count

NAMES: dict[str, tuple[str, ...]] = {
    "attention": ("self_attn", "attn", "attention", "mixer"),
    "linear_attention": ("linear_attn", "mixer"),
    "sparse_latent_attention": ("self_attn",),
    "sparse_latent_attention_norm": ("input_layernorm",),
    "partial_rotary_attention": ("self_attn", "attn", "attention"),
    "partial_rotary_attention_norm": ("input_layernorm",),
    "post_partial_rotary_attention_norm": ("post_attention_layernorm",),
    "clipped_attention": ("self_attn",),
    "clipped_attention_norm": ("input_layernorm",),
    "broadcast_attention": ("self_attn", "self_attention"),
    "broadcast_attention_norm": ("input_layernorm",),
    "mamba": ("mixer", "mamba"),
    "mlp": ("mlp", "mixer", "feed_forward"),
    "moe": ("mlp", "block_sparse_moe", "mixer", "feed_forward", "moe"),
    "router": ("gate", "router"),
    "shared_expert": ("shared_expert", "shared_experts"),
    "gate_proj": ("gate_proj", "w1"),
    "up_proj": ("up_proj", "w3"),
    "down_proj": ("down_proj", "w2"),
    "q_a_norm": ("q_a_layernorm",),
    "kv_a_proj": ("kv_a_proj_with_mqa",),
    "kv_a_norm": ("kv_a_layernorm",),
    "qkv_proj": ("qkv_proj", "c_attn", "query_key_value"),
    "o_proj": ("o_proj", "c_proj", "dense"),
    "qkvz_proj": ("in_proj_qkvz",),
    "ba_proj": ("in_proj_ba",),
    "conv": ("conv1d",),
    "latent_in": ("fc1_latent_proj",),
    "latent_out": ("fc2_latent_proj",),
    "embedding": ("embed_tokens", "embeddings", "wte"),
    "head": ("lm_head",),
    "final_norm": ("norm", "norm_f", "ln_f"),
    "attention_norm": ("input_layernorm", "norm"),
    "linear_attention_norm": ("input_layernorm", "norm"),
    "mamba_norm": ("norm",),
    "post_attention_norm": ("post_attention_layernorm",),
    "mlp_norm": ("post_attention_layernorm", "pre_feedforward_layernorm", "norm"),
    "post_mlp_norm": ("post_feedforward_layernorm",),
    "moe_norm": ("post_attention_layernorm", "norm"),
    "joint_proj": ("eh_proj",),
    "hidden_norm": ("hnorm",),
    "embedding_norm": ("enorm",),
    "layer": ("",),
    "token": ("",),
    "position": ("wpe",),
}
"""What parts of this package's trees are called in published checkpoints, the most common name first; a part that is
not here has the same name there. Names are those of ``transformers``' modules and of checkpoints that came before them
(Mixtral's ``block_sparse_moe`` and ``w1``, Nemotron-H's ``mixer``); an empty one is not told from what holds it."""

UNGATED: dict[str, tuple[str, ...]] = {
    "up_proj": ("up_proj", "w3", "c_fc", "fc1", "dense_h_to_4h"),
    "down_proj": ("down_proj", "w2", "c_proj", "fc2", "dense_4h_to_h"),
}
"""What projections of networks without a gate are called besides (GPT-2, Phi, Falcon)."""

OF_WEIGHTS = {"correction": "e_score_correction_bias", "offset": "bias", "decay": "A_log", "skip": "D"}
"""What weights that are no ``weight`` are called; others have the same name there."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A weight of a tree with the names of its module.

    Attributes:
        node: the module's node.
        name: the weight's name in it.
        weight: the weight.
        copies: how many of them stand in the model.
        site: where it stands.
        apart: it is counted apart from the model's total.
    """

    node: Node
    name: str
    weight: Weight
    copies: Count
    site: Site
    apart: bool


def placed(root: Node, by_layer: bool = False, by_expert: bool = False, projection: str = "Linear") -> Iterator[Placed]:
    """Every weight of a tree, those that are counted apart too.

    Args:
        root: the model.
        by_layer: each layer by itself; else equal layers as one, under the number of the first.
        by_expert: each expert by itself; else all as one, under the number 0.
        projection: the class of projections in ``transformers``.
    """
    walk = _Walk(layer_count(root), by_layer, by_expert, projection.lower())
    for child in root.children:
        yield from walk.below(child, ("",), 1, False, False)


def modules(root: Node, by_layer: bool, by_expert: bool) -> list[tuple[str, ...]]:
    """The names of every weight's module, of heads that are tied, and of weights that lists name like modules."""
    found: dict[tuple[str, ...], None] = {NAMES["head"]: None}
    for one in placed(root, by_layer, by_expert):
        found[one.site.names] = None
        if one.name in OF_WEIGHTS:
            found[tuple(f"{name}.{OF_WEIGHTS[one.name]}" for name in one.site.names)] = None
    return list(found)


@dataclass(frozen=True, slots=True)
class _Walk:
    """A walk over a tree.

    Attributes:
        layers: layers of the main model; prediction layers are numbered after them.
        by_layer: each layer by itself.
        by_expert: each expert by itself.
        projection: the sort of projections.
    """

    layers: Count
    by_layer: bool
    by_expert: bool
    projection: str

    def below(
        self, node: Node, above: tuple[str, ...], copies: Count, apart: bool, routed: bool, holder: object = None
    ) -> Iterator[Placed]:
        """A node's weights and those below it, for each of its copies that has a name of its own."""
        apart, routed = apart or node.apart, routed or node.together
        for names, times in self.named(node):
            names = UNGATED.get(node.name, names) if isinstance(holder, MLP) else names
            here = tuple(f"{a}.{name}".strip(".") for a in above for name in names)
            site = Site(here, sort_of(node, self.projection), routed)
            for name, weight in node.weights.items():
                yield Placed(node, name, weight, copies * times, site, apart)
            for child in node.children:
                yield from self.below(child, here, copies * times, apart, routed, node.module)

    def named(self, node: Node) -> Iterator[tuple[tuple[str, ...], Count]]:
        """The names of a node's copies, with how many of them go by those."""
        if not node.folded:
            yield NAMES.get(node.name, (node.name,)), node.times
            return
        each, word = (self.by_expert, node.name) if node.together else (self.by_layer, "layers")
        first = self.layers if node.apart else 0
        numbers = node.places if node.places is not None else range(int(plain(first)), int(plain(first + node.times)))
        if not each:
            yield (f"{word}.{next(iter(numbers), 0)}",), node.times
            return
        for number in numbers:
            yield (f"{word}.{number}",), 1


def sort_of(node: Node, projection: str = "linear") -> str:
    """What a node's module is to a format that quantises by kinds of modules. A projection of no kind joins hidden
    states for multi-token prediction, and stays as it is (vLLM, model_executor/models/deepseek_mtp.py, eh_proj)."""
    module = node.module
    if isinstance(module, Head):
        return "head"
    if isinstance(module, Embedding):
        return "embedding"
    if isinstance(module, SharedExpertGate):
        return "linear"
    if node.kind is Kind.ROUTER:
        return "router"
    return projection if isinstance(module, Linear) and node.kind is not Kind.OTHER else "other"
