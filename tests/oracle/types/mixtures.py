"""Mixtures of experts of 2024 and 2025: Phi-3.5-MoE, GLM-4.5, ERNIE 4.5, Hunyuan, dots.llm1, MiniMax-M2, MiMo-V2-Flash,
Kimi K2. The last is not in transformers: it is DeepSeek-V3 in other sizes, and registered here.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import transformers

from tests.oracle import sizes
from tests.oracle.draw import FULL, SLIDING, Draw, attention, dense, divisors, experts, latent, windows
from tests.oracle.types.dense import hunyuan_v1_dense


class KimiK2Config(transformers.DeepseekV3Config):  # type: ignore[misc]
    model_type = "kimi_k2"
    vocab_size: int = 163840
    num_attention_heads: int = 64
    first_k_dense_replace: int = 1
    n_routed_experts: int = 384
    num_mtp_layers: int = 0


class KimiK2ForCausalLM(transformers.DeepseekV3ForCausalLM):  # type: ignore[misc]
    config_class = KimiK2Config
    config: KimiK2Config
    _can_set_experts_implementation_cached_value = True  # transformers looks for it in the text of a class's own file


transformers.AutoConfig.register("kimi_k2", KimiK2Config)
transformers.AutoModelForCausalLM.register(KimiK2Config, KimiK2ForCausalLM)


def phimoe(draw: Draw) -> None:
    attention(draw)
    dense(draw)
    draw.field("sliding_window", (1, 16, None))
    draw.field("num_local_experts", (2, 5))
    draw.field("num_experts_per_tok", (1, 2))  # bears on nothing
    draw.flag("attention_bias", "lm_head_bias")


def fine_grained(draw: Draw) -> None:
    """DeepSeek's experts."""
    dense(draw)
    draw.flag("attention_bias")
    draw.field("first_k_dense_replace", (0, 1, 2, 9))
    draw.field("n_shared_experts", (1, 2, 3), fits=lambda number: number is not None)
    number = draw.field("n_routed_experts", (1, 2, 6), lambda n: n is not None, aliases=("num_local_experts",))
    draw.field("num_experts_per_tok", (1, 2, 3), fits=lambda k: k is not None and k <= number)
    draw.field("moe_intermediate_size", (1, 20, 32))


def glm4_moe(draw: Draw) -> None:
    attention(draw)
    if draw.raw.get("head_dim") is None:
        draw.raw["hidden_size"] = draw.raw.get("num_attention_heads", 96) * 10 + 1  # transformers rounds down
    fine_grained(draw)
    draw.flag("use_qk_norm")
    draw.field("num_mtp_layers", (0, 1, 2), aliases=("num_nextn_predict_layers",))


def dots1(draw: Draw) -> None:
    attention(draw)
    fine_grained(draw)
    draw.field("max_window_layers", range(draw.layers + 2))
    windows(draw, slides=False)


def ernie4_5_moe(draw: Draw) -> None:
    attention(draw)
    if draw.raw.get("num_key_value_heads", 0) is None:
        draw.raw["num_key_value_heads"] = 1  # transformers declares that it may be null, but then builds no model
    dense(draw)
    draw.flag("use_bias")
    number = draw.field("moe_num_experts", (1, 2, 6), aliases=("num_experts",))
    draw.field("moe_k", (1, 2, 3), fits=lambda k: k is not None and k <= number, aliases=("num_experts_per_tok",))
    draw.field("moe_num_shared_experts", (0, 1, 3))
    draw.field("moe_intermediate_size", (1, 20, 32))
    draw.field("moe_layer_start_index", (0, 1, 2, 9))
    draw.field("moe_layer_end_index", (-1, 0, 2, 99))
    draw.field("moe_layer_interval", (1, 2, 3))


def hunyuan_v1_moe(draw: Draw) -> None:
    hunyuan_v1_dense(draw)
    number = draw.field("num_experts", (1, 3, 6), aliases=("num_local_experts",))
    each = [draw.rng.randint(1, number) for _ in range(draw.layers + draw.rng.randint(0, 2))]
    draw.field("moe_topk", (1, min(number, 2), each), aliases=("num_experts_per_tok",))


def minimax_m2(draw: Draw) -> None:
    attention(draw)
    dense(draw)
    experts(draw, "num_local_experts", (1, 3, 6), aliases=("num_experts",))


def mimo_v2_flash(draw: Draw) -> None:
    heads = draw.field("num_attention_heads", (2, 4, 8, 12))
    draw.field("num_key_value_heads", divisors(heads // 2), fits=lambda kv: heads % (2 * kv) == 0)
    draw.field("head_dim", (12, 24))
    draw.field("v_head_dim", (4, 10, 16))
    draw.field("hidden_size", (32, 50, 74))
    dense(draw)
    draw.flag("attention_bias")
    draw.listed("layer_types", (FULL, SLIDING))
    draw.listed("mlp_layer_types", ("dense", "sparse"))
    draw.field("sliding_window", (1, 16))
    if draw.rng.random() < 0.5:
        draw.raw["sliding_window_size"] = draw.rng.choice((1, 15, None))
    experts(draw, "n_routed_experts", (1, 3, 6), aliases=("num_local_experts",))
    draw.field("moe_intermediate_size", (1, 20, 32))


def kimi_k2(draw: Draw) -> None:
    latent(draw, divisible=False)
    experts(draw, "n_routed_experts", (1, 2, 16), aliases=("num_local_experts",))
    draw.field("num_mtp_layers", (0, 1, 2), aliases=("num_nextn_predict_layers",))


DRAWS = {
    family.__name__: family
    for family in (phimoe, glm4_moe, dots1, ernie4_5_moe, hunyuan_v1_moe, minimax_m2, mimo_v2_flash, kimi_k2)
}


def experts_as_wide(rng: random.Random) -> sizes.Fields:
    return {"num_local_experts": 4, "num_experts_per_tok": rng.randint(1, 3)}


def ernie_experts(rng: random.Random) -> sizes.Fields:
    return {
        "moe_num_experts": 4,
        "moe_k": rng.randint(1, 3),
        "moe_num_shared_experts": rng.randint(0, 2),
        "moe_intermediate_size": rng.randint(8, 24),
        "moe_layer_start_index": rng.randint(0, 1),
    }


def shared_experts(rng: random.Random) -> sizes.Fields:
    return {
        **sizes.experts(rng, "n_routed_experts"),
        "n_shared_experts": rng.randint(1, 2),
        "first_k_dense_replace": rng.randint(0, 2),
    }


def flash(rng: random.Random) -> sizes.Fields:
    """Half of the layers slide; these have twice the key/value heads."""
    return {
        **sizes.experts(rng, "n_routed_experts"),
        "num_key_value_heads": rng.choice((1, 2)),
        "head_dim": 24,
        "v_head_dim": rng.randint(4, 30),
        "num_hidden_layers": 3,
        "layer_types": [SLIDING, FULL, SLIDING],
        "mlp_layer_types": ["dense", "sparse", "sparse"],
    }


SMALL: dict[str, Callable[[random.Random], sizes.Fields]] = {
    "phimoe": sizes.beside(num_local_experts=4),
    "glm4_moe": sizes.beside(shared_experts, head_dim=16),
    "dots1": sizes.beside(shared_experts, sizes.width, sizes.window, max_window_layers=1),
    "ernie4_5_moe": sizes.beside(ernie_experts),
    "hunyuan_v1_moe": sizes.beside(sizes.width, num_experts=4, moe_topk=[1, 3]),
    "minimax_m2": sizes.beside(experts_as_wide, head_dim=16),
    "mimo_v2_flash": sizes.beside(sizes.window, flash),
    "kimi_k2": sizes.beside(sizes.latent),
}

KINDS = {"hunyuan_v1_moe": ((r"\.shared_mlp\.", "experts"),)}
