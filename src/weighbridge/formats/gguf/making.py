"""The GGUF file that llama.cpp's quantiser makes of a model: which tensors of which types, and how large."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from weighbridge.errors import InputError, did_you_mean, given
from weighbridge.formats.gguf.architectures import of_model
from weighbridge.formats.gguf.names import Part, held
from weighbridge.formats.gguf.recipes import FALLBACK, RECIPES, Mix, Recipe, Spot
from weighbridge.formats.weights.file import StoredTensor, WeightsFile
from weighbridge.ggml import ALIGNMENT, TYPES
from weighbridge.models import Model
from weighbridge.tree import Kind, Node, counted, layer_count, stored
from weighbridge.units import data_type

VISION = Kind.VISION

PARTS = (
    ("output.weight", "head"),
    ("token_embd.weight", "embedding"),
    ("attn_qkv.weight", "v"),
    ("attn_kv_b.weight", "v"),
    ("attn_v.weight", "v"),
    ("attn_k.weight", "k"),
    ("attn_q.weight", "q"),
    ("attn_output.weight", "out"),
    ("ffn_up", "up"),
    ("ffn_gate", "gate"),
    ("ffn_down", "down"),
)
"""What recipes call tensors of such names."""

KEPT = ("_norm.weight", "ffn_gate_inp.weight", "ssm_conv1d", "shortconv.conv.weight", "position_embd.weight")
"""Matrices that no recipe quantises; they are fp32, like all vectors."""

SEVENTY = 80
"""Layers of what llama.cpp calls a 70B model: a Llama or Qwen2 of so many that shares key-value heads."""

PER_TOKEN = 40
"""Bytes of a vocabulary's entry in a header: its text, type and merges. What published files leave for it
(tests/formats/weights/test_recipes.py) is 24 in Gemma, 39 in Qwen, 61 in Llama 3 and 65 in gpt-oss."""

OTHER_METADATA = 4096
"""Bytes of the rest of a header beside the list of tensors: names, sizes, a chat template."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What recipes ask of a model.

    Attributes:
        layers: of the model.
        group: query heads that share a key-value head.
        experts: routed experts; 0 for none.
        large: it is what llama.cpp calls a 70B model.
        imatrix: an importance matrix is at hand.
    """

    layers: int
    group: int
    experts: int
    large: bool
    imatrix: bool


def make(model: Model, name: str, imatrix: bool = False) -> WeightsFile:
    """The file that a recipe makes of a model, from weights in bf16.

    Args:
        model: the model.
        name: of the recipe, such as Q4_K_M.
        imatrix: an importance matrix is given; some recipes take one in any case.

    Raises:
        InputError: for an unknown recipe, or a model that llama.cpp has no architecture for.
    """
    recipe = RECIPES.get(name.upper())
    if recipe is None:
        raise InputError(f"--gguf: got {given(name)}; allowed: {', '.join(RECIPES)}{did_you_mean(name, RECIPES)}")
    architecture = of_model(model)
    parts = [part for one in held(model, architecture) for part in one.ways[0]]
    facts = _facts(model, architecture, parts, recipe.matrix or imatrix)
    typed = list(types(parts, recipe, facts))
    tensors = tuple(_stored(part, kind) for part, kind in typed)
    data = sum(-(-tensor.bytes // ALIGNMENT) * ALIGNMENT for tensor in tensors)
    header = estimated_header(tensors, text_of(model.config).vocab_size)
    called = f"{model.name}-{name.upper()}.gguf"
    return WeightsFile(called, "gguf", tensors, 1, header, header + data, {}, tuple(_left_out(model)), estimated=True)


def _left_out(model: Model) -> Iterator[str]:
    """What the file does not hold of a model."""
    seen = sum(times * parameters_of(node) for node, times in model.tree.each(stored, counted) if node.kind is VISION)
    if seen:
        yield f"without {seen:,} parameters for images, which llama.cpp has in a file of its own (mmproj, fp16)"
    if any(node.apart for node in model.tree.children):
        yield "without the layers of multi-token prediction, which most converters leave out"


def parameters_of(node: Node) -> int:
    """A node's own parameters."""
    return sum(weight.count for weight in node.weights.values() if not weight.buffer)


def text_of(config: Any) -> Any:
    """The configuration of the language model in a multimodal one."""
    return getattr(config, "text_config", None) or config


def estimated_header(tensors: Iterable[StoredTensor], vocabulary: int) -> int:
    """Bytes of a header: the list of tensors (name, sizes, type, offset) to the byte, the vocabulary by a rule of
    thumb."""
    listed = sum(8 + len(tensor.name) + 4 + 8 * len(tensor.shape) + 4 + 8 for tensor in tensors)
    return -(-(24 + listed + OTHER_METADATA + PER_TOKEN * vocabulary) // ALIGNMENT) * ALIGNMENT


def _stored(part: Part, kind: str) -> StoredTensor:
    dtype = data_type(kind)
    return StoredTensor(part.name, dtype, part.shape, dtype.bytes(part.count))


def _facts(model: Model, architecture: str, parts: Iterable[Part], imatrix: bool) -> Facts:
    config = text_of(model.config)
    heads = getattr(config, "num_attention_heads", 0)
    latent = hasattr(config, "kv_lora_rank")  # one key-value head, as its converter writes
    shared = 1 if latent else getattr(config, "kv_heads", heads)
    experts = max((part.shape[0] for part in parts if "_exps.weight" in part.name), default=0)
    layers = layer_count(model.tree)
    large = layers == SEVENTY and (architecture == "qwen2" or (architecture == "llama" and heads != shared))
    return Facts(layers, heads // shared if shared else 0, experts, large, imatrix)


def types(parts: Iterable[Part], recipe: Recipe, facts: Facts) -> Iterator[tuple[Part, str]]:
    """Tensors in the order of files, and the type that each has."""
    ordered = sorted(parts, key=lambda part: (_layer(part.name), part.name))
    names = {part.name for part in ordered}
    counts = dict.fromkeys(("v", "down", "gate", "up"), 0)
    values = sum(role(name) == "v" for name in names)
    for part in ordered:
        if not quantisable(part):
            yield part, "fp32"
            continue
        own = role(part.name)
        number = counts.get(own, 0)
        if own in counts:
            counts[own] += 1
        if own != "v" and facts.experts > 1 and not recipe.raw:
            number = _layer(part.name)
        spot = Spot(number, values if own == "v" else facts.layers, facts.group, facts.experts, facts.imatrix)
        tied = own == "embedding" and "output.weight" not in names
        yield part, chosen(part, "head" if tied else own, recipe, spot, facts.large)


def chosen(part: Part, own: str, recipe: Recipe, spot: Spot, large: bool) -> str:
    """The type of a matrix."""
    if not TYPES[recipe.base].quantised:
        return recipe.base
    if own == "head":
        return fitting(part, recipe.head if _fits(part, recipe.base) else "q8_0")
    if recipe.experts:
        return fitting(part, recipe.experts if len(part.shape) > 2 else recipe.base)
    if own == "embedding":
        return fitting(part, recipe.embedding or recipe.base)
    return fitting(part, _mixed(own, recipe, spot, large))


def _mixed(own: str, recipe: Recipe, spot: Spot, large: bool) -> str:
    """The type that a recipe wants for a matrix of the layers."""
    if recipe.eights and spot.experts == 8 and own in ("v", "k"):
        return "q8_0"
    kind = next((mix.kind for mix in recipe.mixes if _takes(mix, own, spot)), recipe.base)
    if large and own == "v" and recipe.eights and kind in ("q3_k", "q4_k"):
        return "q5_k"
    return kind


def _takes(mix: Mix, own: str, spot: Spot) -> bool:
    return mix.part == own and mix.when(spot)


def fitting(part: Part, kind: str) -> str:
    """A type, or what stands in for it where its blocks do not divide a row."""
    if _fits(part, kind):
        return kind
    other = next((other for other, kinds in FALLBACK.items() if kind in kinds), "fp16")
    return other if _fits(part, other) else "fp16"


def _fits(part: Part, kind: str) -> bool:
    return part.shape[-1] % TYPES[kind].block == 0


def quantisable(part: Part) -> bool:
    """Whether recipes quantise a tensor at all: a matrix that is a weight and not small."""
    return len(part.shape) > 1 and part.name.endswith("weight") and not any(word in part.name for word in KEPT)


def role(name: str) -> str:
    """What recipes call a tensor; empty where they have no word for it."""
    return next((own for word, own in PARTS if (name == word if own in ("head", "embedding") else word in name)), "")


def _layer(name: str) -> int:
    found = re.match(r"blk\.(\d+)\.", name)
    return int(found[1]) if found else -1
