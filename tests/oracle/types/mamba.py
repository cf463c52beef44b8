"""Mamba 1."""

from __future__ import annotations

import random

from tests.oracle import sizes
from tests.oracle.draw import Draw


def mamba(draw: Draw) -> None:
    draw.field("hidden_size", (8, 24, 50))
    draw.field("expand", (1, 2, 3))
    draw.field("intermediate_size", (30, 64), default=None)  # files hold it; transformers works it out otherwise
    draw.field("state_size", (1, 8, 20))
    draw.field("conv_kernel", (1, 2, 4))
    draw.field("time_step_rank", (1, 5, "auto"))
    draw.flag("use_bias", "use_conv_bias")


DRAWS = {"mamba": mamba}


def small_mamba(rng: random.Random) -> sizes.Fields:
    usual = sizes.common(rng)
    for name in ("intermediate_size", "num_attention_heads", "num_key_value_heads"):
        del usual[name]
    ranks = {"time_step_rank": rng.choice(["auto", 3]), "state_size": rng.randint(4, 20)}
    return usual | ranks | {"conv_kernel": rng.choice([2, 4]), "use_bias": rng.random() < 0.5}


SMALL = {"mamba": small_mamba}

KINDS = {"mamba": ((r"\.mixer\.", "state space"),)}
