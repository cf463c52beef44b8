"""Families told apart by their norms and experts: Granite, OLMo, DBRX."""

from __future__ import annotations

import random
from collections.abc import Callable

from tests.oracle import sizes
from tests.oracle.draw import Draw, attention, dense, divisors, experts, windows
from tests.oracle.types.classic import MOSAIC, equal_heads, flags, small


def granite(draw: Draw) -> None:
    attention(draw)
    dense(draw)
    draw.flag("attention_bias", "mlp_bias")
    draw.field("residual_multiplier", (0.22, 1.0))  # factors bear on nothing


def granitemoe(draw: Draw) -> None:
    attention(draw)
    dense(draw)
    draw.flag("attention_bias")
    experts(draw, "num_local_experts", (1, 2, 5))


def olmo(draw: Draw) -> None:
    attention(draw)
    dense(draw)
    draw.flag("attention_bias")
    draw.field("clip_qkv", (8.0, None))


def olmo2(draw: Draw) -> None:
    attention(draw)
    dense(draw)
    draw.flag("attention_bias")


def olmo3(draw: Draw) -> None:
    olmo2(draw)
    windows(draw, slides=True)


def olmoe(draw: Draw) -> None:
    heads = equal_heads(draw)
    draw.field("num_key_value_heads", [*divisors(heads), None], fits=lambda kv: kv is None or heads % kv == 0)
    dense(draw)
    draw.flag("attention_bias")
    draw.field("clip_qkv", (8.0, None))
    experts(draw, "num_experts", (1, 3, 6), aliases=("num_local_experts",))


def dbrx(draw: Draw) -> None:
    heads = equal_heads(draw, "d_model", "n_heads")
    if "hidden_size" in draw.raw:  # transformers takes its experts' width from d_model before it reads the other name
        draw.raw["d_model"] = draw.raw.pop("hidden_size")
    draw.field("n_layers", (1, 2, 5), aliases=("num_hidden_layers",))
    section = {"rope_theta": 10000.0}  # transformers builds no model without it, and has no default for it
    draw.raw["attn_config"] = section | draw.rng.choice(({}, {"kv_n_heads": draw.rng.choice(divisors(heads))}))
    some = {"ffn_hidden_size": draw.rng.choice((1, 20)), "moe_num_experts": 4, "moe_top_k": draw.rng.randint(1, 4)}
    kept = {name: value for name, value in some.items() if draw.rng.random() < 0.7}
    draw.field("ffn_config", (kept, {}, None))
    draw.raw.pop("tie_word_embeddings", None)  # transformers refuses it


DRAWS = {family.__name__: family for family in (granite, granitemoe, olmo, olmo2, olmo3, olmoe, dbrx)}


def small_dbrx(rng: random.Random) -> sizes.Fields:
    made = small(names=MOSAIC)(rng)
    attends = {"rope_theta": 10000.0, "kv_n_heads": rng.choice([1, 2, 4]), "clip_qkv": 8.0}
    mixture = {"ffn_hidden_size": rng.randint(8, 24), "moe_num_experts": 4, "moe_top_k": rng.randint(1, 3)}
    return made | {"attn_config": attends, "ffn_config": mixture}


def mixture(name: str) -> Callable[[random.Random], sizes.Fields]:
    """A small mixture of experts."""
    return lambda rng: {name: 4, "num_experts_per_tok": rng.randint(1, 3)}


SMALL: dict[str, Callable[[random.Random], sizes.Fields]] = {
    "granite": small(sizes.width, flags("mlp_bias")),
    "granitemoe": small(mixture("num_local_experts")),
    "olmo": small(clip_qkv=8.0),
    "olmo2": small(sizes.width),
    "olmo3": small(sizes.window, num_hidden_layers=4),
    "olmoe": small(mixture("num_experts"), clip_qkv=8.0),
    "dbrx": small_dbrx,
}

KINDS = {"dbrx": ((r"\.attn\.", "attention"),)}
