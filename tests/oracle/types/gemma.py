"""Gemma 3 that sees, Gemma 3n's and Gemma 4's language models, and Gemma 4 that sees and hears."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from tests.oracle import sizes
from tests.oracle.draw import FULL, SLIDING, Draw, attention, dense, divisors
from tests.oracle.types.first import gemma3_text


def section(draw: Draw, name: str, model_type: str, fill: Callable[[Draw], None], optional: bool = False) -> None:
    """Draw a section of a multimodal configuration; one that is optional may be null or left out."""
    inner = Draw(model_type, draw.rng)
    fill(inner)
    if not optional or draw.rng.random() < 0.8:
        draw.raw[name] = inner.raw
    elif draw.rng.random() < 0.5:
        draw.raw[name] = None


def text(fill: Callable[[Draw], None]) -> Callable[[Draw], None]:
    """A language model's section, with the fields that the draw of a type of its own begins with."""

    def filled(draw: Draw) -> None:
        draw.field("vocab_size", (64, 100, 32003))
        draw.flag("tie_word_embeddings")
        draw.field("num_hidden_layers", (1, 2, 3, 5, 8))
        fill(draw)

    return filled


def siglip(draw: Draw) -> None:
    heads = draw.field("num_attention_heads", (1, 2, 4))
    draw.field("hidden_size", [heads * k for k in (3, 8, 10)], fits=lambda size: size % heads == 0)
    draw.field("intermediate_size", (1, 50, 64))
    draw.field("num_hidden_layers", (1, 2, 4))
    draw.field("num_channels", (1, 3))
    draw.field("image_size", (28, 61))
    draw.field("patch_size", (4, 7))
    draw.flag("vision_use_head")


def gemma3(draw: Draw) -> None:
    section(draw, "text_config", "gemma3_text", text(gemma3_text))
    section(draw, "vision_config", "siglip_vision_model", siglip, optional=True)


def shared_layers(draw: Draw, default: Callable[[int], str]) -> None:
    """How many layers at the end read keys and values: of every kind of layer one before them makes some."""
    types = draw.listed("layer_types", (FULL, SLIDING)) or [default(i) for i in range(draw.layers)]
    types = [*types[:-1], default(-1)] if default(-1) else types
    free = [n for n in range(draw.layers) if set(types[: draw.layers - n]) == set(types)]
    draw.field("num_kv_shared_layers", free, fits=lambda n: n in free)


def per_layer(draw: Draw, least: int) -> None:
    draw.field("vocab_size_per_layer_input", (1, 90))
    draw.field("hidden_size_per_layer_input", (least, 6, 10))


def gemma3n_text(draw: Draw) -> None:
    attention(draw, divisible=True)
    if draw.raw.get("head_dim", 0) is None:
        draw.raw["head_dim"] = 12
    sizes_of = [draw.rng.choice((1, 48, 100)) for _ in range(draw.layers)]
    draw.field("intermediate_size", (1, 100, sizes_of))
    draw.flag("attention_bias", "altup_correct_scale")
    draw.field("sliding_window", (1, 16))
    draw.field("altup_num_inputs", (1, 2, 3))
    draw.field("laurel_rank", (1, 12))
    per_layer(draw, 1)
    shares = [draw.rng.choice((0.0, 0.5, 0.95)) for _ in range(draw.layers)]
    draw.field("activation_sparsity_pattern", (shares, None))
    shared_layers(draw, lambda i: "" if i < 0 else FULL if (i + 1) % 5 == 0 else SLIDING)


def gemma4_text(draw: Draw) -> None:
    heads = draw.field("num_attention_heads", (1, 2, 4, 8))
    kv_heads = draw.field("num_key_value_heads", divisors(heads), fits=lambda kv: heads % kv == 0)
    draw.field("head_dim", (8, 10, 16))
    draw.field("hidden_size", (32, 50, 74))
    dense(draw)
    draw.flag("attention_bias", "attention_k_eq_v", "use_double_wide_mlp")
    draw.field("sliding_window", (1, 16))
    draw.field("global_head_dim", (12, 24), default=512)
    draw.field("num_global_key_value_heads", divisors(heads), fits=lambda kv: kv is None or heads % kv == 0)
    if draw.rng.random() < 0.5:
        draw.raw["enable_moe_block"] = True
        draw.raw |= {"num_experts": draw.rng.choice((3, 6)), "moe_intermediate_size": draw.rng.choice((1, 20))}
        draw.raw["top_k_experts"] = draw.rng.choice((1, 2, 3))
    per_layer(draw, 0)
    shared_layers(draw, lambda i: FULL if i < 0 or (i + 1) % 6 == 0 else SLIDING)
    if draw.rng.random() < 0.3:
        draw.raw["per_layer_config"] = own_sizes(draw, kv_heads)


def own_sizes(draw: Draw, kv_heads: int) -> dict[str, dict[str, int]]:
    """Sizes of single layers as transformers writes them, alike for all of a type."""
    pattern = draw.raw.get("layer_types") or [FULL if (i + 1) % 6 == 0 else SLIDING for i in range(draw.layers)]
    given = {FULL: {"head_dim": draw.rng.choice((12, 20)), "num_key_value_heads": kv_heads}}
    given[SLIDING] = {"head_dim": 6} if draw.rng.random() < 0.3 else {}
    return {f"{i:02}": given[t] for i, t in enumerate([*pattern[:-1], FULL]) if given[t]}


def gemma4_vision(draw: Draw) -> None:
    heads = draw.field("num_attention_heads", (1, 2, 4, 12))
    draw.field("num_key_value_heads", divisors(heads), fits=lambda kv: heads % kv == 0)
    draw.field("head_dim", (4, 8))
    draw.field("hidden_size", (20, 36))
    draw.field("intermediate_size", (1, 50, 64))
    draw.field("num_hidden_layers", (1, 2, 4))
    draw.field("patch_size", (4, 7))
    draw.field("position_embedding_size", (1, 30))
    draw.flag("standardize", "use_clipped_linears", "attention_bias")


def gemma4_audio(draw: Draw) -> None:
    heads = draw.field("num_attention_heads", (1, 2, 4))
    draw.field("hidden_size", [heads * k for k in (4, 8, 12)], fits=lambda size: size % heads == 0)
    draw.field("num_hidden_layers", (1, 2, 4))
    draw.field("subsampling_conv_channels", ([8, 4], [12, 3]))
    draw.field("conv_kernel_size", (1, 3))
    draw.field("output_proj_dims", (1, 20))
    draw.flag("use_clipped_linears")


def gemma4(draw: Draw) -> None:
    section(draw, "text_config", "gemma4_text", text(gemma4_text))
    section(draw, "vision_config", "gemma4_vision", gemma4_vision, optional=True)
    section(draw, "audio_config", "gemma4_audio", gemma4_audio, optional=True)


DRAWS = {family.__name__: family for family in (gemma3, gemma3n_text, gemma4_text, gemma4)}

SEES = (r"vision_tower|multi_modal_projector|embed_vision|audio_tower|embed_audio", "vision")

PER_LAYER = (r"per_layer_model_projection|embed_tokens_per_layer", "embedding")

OTHERS = (r"\.(altup|laurel)\.(?!.*norm)|per_layer_(input_gate|projection)\.|altup_(unembed_)?projections", "other")

KINDS = {"gemma3": (SEES,), "gemma3n_text": (PER_LAYER, OTHERS), "gemma4_text": (PER_LAYER, OTHERS)}
KINDS["gemma4"] = (SEES, PER_LAYER, OTHERS)


def small_gemma3(rng: random.Random) -> dict[str, Any]:
    fields = sizes.beside(sizes.width, sizes.window)(rng)
    vision = {"hidden_size": 32, "intermediate_size": 40, "num_hidden_layers": 1, "num_attention_heads": 2}
    return {"text_config": fields, "vision_config": {**vision, "image_size": 56, "patch_size": 14}}


def shared_keys(rng: random.Random) -> sizes.Fields:
    """Five layers of two kinds, of which the last read the keys and values of others."""
    types = [SLIDING, FULL, SLIDING, SLIDING, FULL]
    tables = {"vocab_size_per_layer_input": sizes.VOCABULARY, "hidden_size_per_layer_input": rng.randint(4, 9)}
    return {"num_hidden_layers": 5, "layer_types": types, "num_kv_shared_layers": rng.randint(0, 3), **tables}


def streams(rng: random.Random) -> sizes.Fields:
    shares = [0.95, 0.0, 0.5, 0.0, 0.0]
    widths = [rng.randint(20, 70) for _ in range(5)]
    return {
        "altup_num_inputs": rng.randint(2, 4),
        "laurel_rank": rng.randint(3, 9),
        "activation_sparsity_pattern": shares,
        "intermediate_size": widths,
    }


def beside(rng: random.Random) -> sizes.Fields:
    """What Gemma 4's layers may have: heads of another width, values of keys, experts, doubly wide networks."""
    experts = {"num_experts": 4, "top_k_experts": rng.randint(1, 3), "moe_intermediate_size": rng.randint(8, 24)}
    values = {"attention_k_eq_v": rng.random() < 0.5, "num_global_key_value_heads": rng.choice([1, 2])}
    wide = {"global_head_dim": 2 * rng.randint(4, 14), "use_double_wide_mlp": rng.random() < 0.5}
    return {**values, **wide, **({"enable_moe_block": True, **experts} if rng.random() < 0.5 else {})}


small_gemma4_text = sizes.beside(sizes.width, sizes.window, shared_keys, beside)


def small_gemma4(rng: random.Random) -> dict[str, Any]:
    tower = {"hidden_size": 32, "intermediate_size": 40, "num_hidden_layers": 1, "num_attention_heads": 2}
    vision = {**tower, "num_key_value_heads": 2, "head_dim": 8, "position_embedding_size": 10}
    audio = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "output_proj_dims": 12}
    return {"text_config": small_gemma4_text(rng), "vision_config": vision, "audio_config": audio}


SMALL = {
    "gemma3": small_gemma3,
    "gemma3n_text": sizes.beside(sizes.width, sizes.window, shared_keys, streams),
    "gemma4_text": small_gemma4_text,
    "gemma4": small_gemma4,
}
