"""DeepSeek-V3.2 and V4, GLM-5, LongCat-Flash: latent and sparse attention."""

from __future__ import annotations

import random
from collections.abc import Callable

from tests.oracle import sizes
from tests.oracle.draw import SLIDING, Draw, experts, latent

SPARSE, HEAVY = "compressed_sparse_attention", "heavily_compressed_attention"


def sparse_attention(draw: Draw) -> None:
    """Latent attention with an indexer, whose rotary part is that of attention."""
    latent(draw, divisible=False)
    if draw.raw.get("q_lora_rank", 0) is None:
        draw.raw["q_lora_rank"] = 12
    draw.field("index_n_heads", (1, 2, 5))
    draw.field("index_head_dim", (8, 20))
    draw.field("index_topk", (1, 7))
    experts(draw, "n_routed_experts", (1, 2, 16), aliases=("num_local_experts",))
    draw.listed("mlp_layer_types", ("dense", "sparse"))


def deepseek_v32(draw: Draw) -> None:
    sparse_attention(draw)


def glm_moe_dsa(draw: Draw) -> None:
    sparse_attention(draw)
    form = draw.rng.choice(("types", "letters", "step", "neither"))
    names = ["full", *(draw.rng.choice(("full", "shared")) for _ in range(draw.layers - 1))]
    if form == "types":
        draw.raw["indexer_types"] = names
    if form == "letters":
        draw.raw["index_topk_pattern"] = draw.rng.choice((names, "".join(name[0].upper() for name in names)))
    if form == "step":
        draw.raw["index_topk_freq"] = draw.rng.choice((0, 1, 2, 4))
        draw.raw["index_skip_topk_offset"] = draw.rng.choice((1, 2, 3))


def longcat_flash(draw: Draw) -> None:
    draw.field("num_layers", (1, 2, 3))
    heads = draw.field("num_attention_heads", (1, 2, 4))
    draw.field("hidden_size", [heads * k for k in (8, 10)] + [50])
    draw.field("q_lora_rank", (1, 12))
    draw.field("kv_lora_rank", (1, 10))
    draw.field("qk_nope_head_dim", (4, 6))
    draw.field("qk_rope_head_dim", (2, 8))
    draw.field("v_head_dim", (4, 10))
    draw.flag("attention_bias")
    draw.field("ffn_hidden_size", (1, 48, 100), aliases=("intermediate_size",))
    draw.field("expert_ffn_hidden_size", (1, 20), aliases=("moe_intermediate_size",))
    routed = draw.field("n_routed_experts", (1, 3, 8), aliases=("num_local_experts",))
    zero = draw.field("zero_expert_num", (0, 1, 4))
    draw.field("moe_topk", (1, 2), fits=lambda k: k <= routed + zero, aliases=("num_experts_per_tok",))


def deepseek_v4(draw: Draw) -> None:
    heads = draw.field("num_attention_heads", (2, 4, 8))
    head_dim = draw.field("head_dim", (8, 16))
    draw.field("hidden_size", (40, 50))
    draw.field("q_lora_rank", (1, 12))
    draw.field("o_groups", (1, 2), fits=lambda groups: heads * head_dim % groups == 0)
    draw.field("o_lora_rank", (1, 6))
    draw.field("moe_intermediate_size", (1, 20), aliases=("intermediate_size",))
    experts(draw, "n_routed_experts", (1, 2, 16), aliases=("num_local_experts",))
    draw.field("hc_mult", (1, 2, 4))
    draw.field("index_n_heads", (1, 3))
    draw.field("index_head_dim", (8, 20))
    draw.field("sliding_window", (4, 16))
    draw.flag("mlp_bias")
    rates = {SPARSE: draw.rng.choice((2, 4)), HEAVY: draw.rng.choice((3, 8))}
    if draw.rng.random() < 0.5:
        draw.raw["compress_rates"] = rates
    elif draw.rng.random() < 0.5:
        draw.raw["compress_rate_csa"] = rates[SPARSE]
    draw.listed("layer_types", (SLIDING, SPARSE, HEAVY))
    if draw.raw.get("layer_types") is None and draw.rng.random() < 0.5:
        draw.raw["compress_ratios"] = [draw.rng.choice((0, 4, 128)) for _ in range(draw.layers + 1)]
    draw.listed("mlp_layer_types", ("hash_moe", "moe"))
    if draw.rng.random() < 0.5:
        draw.raw["num_hash_layers"] = draw.rng.choice((0, 1, 9))


DRAWS = {family.__name__: family for family in (deepseek_v32, deepseek_v4, glm_moe_dsa, longcat_flash)}

INDEXER = ((r"\.indexer\.k_norm\.", "norm"), (r"\.indexer\.", "attention"))
HYPER = ((r"\.(attn_hc|ffn_hc|hc_head)\.", "other"), (r"\.(k|kv|q_a)_norm\.", "norm"))
KINDS = {
    "deepseek_v32": INDEXER,
    "deepseek_v4": (*HYPER, (r"\.self_attn\.", "attention")),
    "glm_moe_dsa": INDEXER,
    "longcat_flash": ((r"\.mlps\.", "mlp"),),
}


def small_indexer(rng: random.Random) -> sizes.Fields:
    own = {
        "index_n_heads": rng.randint(1, 3),
        "index_head_dim": 2 * rng.randint(4, 8),
        "index_topk": rng.randint(2, 30),
    }
    return sizes.latent(rng) | {"q_lora_rank": 20} | own


def small_longcat(rng: random.Random) -> sizes.Fields:
    """No zero experts: what they spare depends on the tokens. One expert per token fails in transformers 5.23.0."""
    fields = sizes.common(rng) | sizes.latent(rng) | {"q_lora_rank": 20}
    for name in ("intermediate_size", "num_hidden_layers", "moe_intermediate_size", "num_experts_per_tok"):
        del fields[name]
    own = {"num_layers": 2, "moe_topk": rng.randint(2, 3), "zero_expert_num": 0, "head_dim": 8}
    return fields | own | {"ffn_hidden_size": rng.randint(20, 70), "expert_ffn_hidden_size": rng.randint(8, 24)}


def small_v4(rng: random.Random) -> sizes.Fields:
    fields = sizes.common(rng) | sizes.experts(rng, "n_routed_experts")
    for name in ("num_key_value_heads", "intermediate_size"):
        del fields[name]
    own = {"head_dim": 16, "partial_rotary_factor": 0.5, "q_lora_rank": 20, "o_groups": 2, "o_lora_rank": 12}
    index = {"index_n_heads": rng.randint(1, 3), "index_head_dim": 16, "index_topk": rng.randint(1, 6)}
    layers = {"num_hidden_layers": 4, "layer_types": [SLIDING, SPARSE, HEAVY, SPARSE], "hc_mult": rng.randint(1, 3)}
    rates = {"compress_rates": {SPARSE: rng.randint(2, 4), HEAVY: rng.randint(3, 9)}, "sliding_window": 7}
    return fields | own | index | layers | rates | {"num_hash_layers": 1, "hc_sinkhorn_iters": rng.randint(1, 4)}


SMALL: dict[str, Callable[[random.Random], sizes.Fields]] = {
    "deepseek_v32": sizes.beside(small_indexer),
    "deepseek_v4": small_v4,
    "longcat_flash": small_longcat,
    "glm_moe_dsa": sizes.beside(small_indexer, index_topk_freq=2, num_hidden_layers=4),
}
