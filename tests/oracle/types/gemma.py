"""Gemma 3 that sees, Gemma 3n's and Gemma 4's language models, and Gemma 4 that sees and hears."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from tests.oracle import sizes
from tests.oracle.draw import Draw
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


DRAWS = {family.__name__: family for family in (gemma3,)}

SEES = (r"vision_tower|multi_modal_projector|embed_vision|audio_tower|embed_audio", "vision")

KINDS = {"gemma3": (SEES,)}


def small_gemma3(rng: random.Random) -> dict[str, Any]:
    fields = sizes.beside(sizes.width, sizes.window)(rng)
    vision = {"hidden_size": 32, "intermediate_size": 40, "num_hidden_layers": 1, "num_attention_heads": 2}
    return {"text_config": fields, "vision_config": {**vision, "image_size": 56, "patch_size": 14}}


SMALL = {"gemma3": small_gemma3}
