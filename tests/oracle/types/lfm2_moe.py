"""LFM2-MoE: short convolutions, attention and experts. transformers builds none without ``layer_types``."""

from __future__ import annotations

import random

from tests.oracle import sizes
from tests.oracle.draw import FULL, Draw, attention, dense, experts

CONVOLUTION = "conv"


def lfm2_moe(draw: Draw) -> None:
    attention(draw)
    for name in ("num_key_value_heads", "head_dim"):  # null builds no model
        if draw.raw.get(name, 0) is None:
            del draw.raw[name]
    heads, hidden = (draw.raw.get(name) for name in ("num_attention_heads", "hidden_size"))
    draw.raw |= {"num_attention_heads": heads or 4, "num_key_value_heads": 1}
    if "head_dim" not in draw.raw:
        draw.raw["hidden_size"] = 2 * draw.raw["num_attention_heads"] * max((hidden or 64) // 16, 1)
    dense(draw)
    experts(draw, "num_experts", (1, 3, 6))
    draw.field("moe_intermediate_size", (1, 20))
    draw.field("num_dense_layers", (0, 1, 9))
    draw.field("conv_L_cache", (1, 2, 3))
    draw.flag("conv_bias", "use_expert_bias")
    draw.raw["layer_types"] = [draw.rng.choice((FULL, CONVOLUTION)) for _ in range(draw.layers)]


def small(rng: random.Random) -> sizes.Fields:
    layers = {"num_hidden_layers": 3, "layer_types": [CONVOLUTION, FULL, CONVOLUTION], "num_dense_layers": 1}
    return sizes.experts(rng) | layers


DRAWS = {"lfm2_moe": lfm2_moe}
SMALL = {"lfm2_moe": sizes.beside(small)}
KINDS = {
    "lfm2_moe": (
        (r"\.conv\.", "state space"),
        (r"\.feed_forward\.gate\.", "router"),
        (r"\.feed_forward\.experts\.", "experts"),
        (r"\.feed_forward\.", "mlp"),
    )
}
