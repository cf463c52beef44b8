"""Llama 4: its language model alone, and beside its tower."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from tests.oracle import sizes
from tests.oracle.draw import FULL, Draw, attention, dense, experts
from tests.oracle.types.gemma import section, text

CHUNKED = "chunked_attention"


def llama4_text(draw: Draw) -> None:
    attention(draw)
    dense(draw)
    draw.field("intermediate_size_mlp", (1, 40, 90))
    experts(draw, "num_local_experts", (1, 3, 4))
    some = draw.rng.sample(range(draw.layers), draw.rng.randint(0, draw.layers))
    draw.field("moe_layers", ([], [0], some, None))
    draw.field("interleave_moe_layer_step", (1, 2, 3))
    draw.flag("use_qk_norm", "attention_bias")
    rotary = [draw.rng.randint(0, 1) for _ in range(draw.layers)]
    draw.field("no_rope_layers", ([], rotary, None))
    draw.field("no_rope_layer_interval", (1, 2, 4))
    draw.field("attention_chunk_size", (4, 16))
    draw.listed("layer_types", (FULL, CHUNKED))


def vision(draw: Draw) -> None:
    heads = draw.field("num_attention_heads", (1, 2, 4))
    draw.field("hidden_size", [heads * k for k in (4, 8, 12)] + [50])
    for name in ("projector_input_dim", "projector_output_dim", "vision_output_dim"):
        draw.field(name, (1, 20, 36))
    draw.field("intermediate_size", (1, 50, 64))
    draw.field("num_hidden_layers", (1, 2, 4))
    draw.field("num_channels", (1, 3))
    draw.field("image_size", (28, 61))
    draw.field("patch_size", (4, 7))


def llama4(draw: Draw) -> None:
    section(draw, "text_config", "llama4_text", text(llama4_text))
    section(draw, "vision_config", "llama4_vision_model", vision, optional=True)


DRAWS = {family.__name__: family for family in (llama4_text, llama4)}

CLASSES = {"llama4": "Llama4ForConditionalGeneration"}

DENSE = (r"\.feed_forward\.(gate|up|down)_proj\.", "mlp")

KINDS = {
    "llama4_text": (DENSE,),
    "llama4": ((r"^vision_model\.|^multi_modal_projector\.", "vision"), (r"lm_head\.", "head"), DENSE),
}


def routed(rng: random.Random) -> sizes.Fields:
    """Dense and sparse layers, with and without positions."""
    own = {"num_local_experts": 4, "num_experts_per_tok": rng.randint(1, 3), "intermediate_size_mlp": 50}
    steps = {"interleave_moe_layer_step": 2, "no_rope_layer_interval": rng.choice([2, 3]), "num_hidden_layers": 4}
    return {**own, **steps, "attention_chunk_size": rng.randint(3, 12)}


small_llama4_text = sizes.beside(sizes.width, routed)


def small_llama4(rng: random.Random) -> dict[str, Any]:
    tower = {"hidden_size": 32, "intermediate_size": 40, "num_hidden_layers": 1, "num_attention_heads": 2}
    images = {"image_size": 56, "patch_size": 14, "vision_output_dim": 20, "projector_output_dim": 20}
    return {"text_config": small_llama4_text(rng), "vision_config": {**tower, **images}}


SMALL: dict[str, Callable[[random.Random], dict[str, Any]]] = {
    "llama4_text": small_llama4_text,
    "llama4": small_llama4,
}
