"""Families that mix attention with state spaces, short convolutions or linear attention."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

from tests.oracle import sizes
from tests.oracle.draw import FULL, LINEAR, Draw, attention, dense, divisors, experts


def mamba1(draw: Draw) -> None:
    draw.field("mamba_d_state", (1, 8, 20))
    draw.field("mamba_d_conv", (1, 2, 4))
    draw.field("mamba_expand", (1, 2, 3))
    draw.field("mamba_dt_rank", (1, 5, "auto"))
    draw.flag("mamba_conv_bias", "mamba_proj_bias")


def jamba(draw: Draw) -> None:
    attention(draw)
    without_nulls(draw, "num_key_value_heads", "head_dim")
    dense(draw)
    mamba1(draw)
    for what in ("attn", "expert"):
        period = draw.field(f"{what}_layer_period", (1, 2, 3))
        few = [offset for offset in (0, 1, 2) if offset < period]
        draw.field(f"{what}_layer_offset", few, fits=range(period).__contains__)
    experts(draw, "num_experts", (0, 1, 3, 6), aliases=("num_local_experts",))


def without_nulls(draw: Draw, *names: str) -> None:
    """Leave out what these families do not know, or what they would not take."""
    for name in names:
        if draw.raw.get(name, 0) is None:
            del draw.raw[name]


def mamba2(draw: Draw, inner: int | None = None) -> None:
    """Mamba 2 under IBM's names, whose heads have to divide the inner size."""
    hidden: int = draw.raw.get("hidden_size", draw.declared["hidden_size"].default)
    expand = draw.field("mamba_expand", (1, 2, 3))
    size = expand * hidden if inner is None else inner
    few = [heads for heads in divisors(size) if heads <= 12]
    heads = draw.field("mamba_n_heads", few, fits=lambda heads: size % heads == 0)
    draw.field("mamba_d_head", (size // heads, "auto"))
    draw.field("mamba_n_groups", divisors(heads))
    draw.field("mamba_d_state", (1, 8, 20))
    draw.field("mamba_d_conv", (1, 2, 4))
    draw.field("mamba_chunk_size", (8, 64))
    draw.flag("mamba_conv_bias", "mamba_proj_bias", "attention_bias")


def bamba(draw: Draw) -> None:
    attention(draw)
    without_nulls(draw, "head_dim")
    dense(draw)
    mamba2(draw)
    draw.flag("mlp_bias")
    draw.field("attn_layer_indices", ([], [0], [0, 2, 90], None))


def granitemoehybrid(draw: Draw) -> None:
    attention(draw)
    without_nulls(draw, "head_dim")
    dense(draw)
    mamba2(draw)
    draw.listed("layer_types", draw.rng.choice(((FULL, LINEAR), ("attention", "mamba"))))
    if draw.raw.get("layer_types") and draw.rng.random() < 0.5:  # null is its default under one name only
        draw.raw["layers_block_type"] = draw.raw.pop("layer_types")
    experts(draw, "num_local_experts", (0, 1, 3, 6))
    draw.field("shared_intermediate_size", (1, 24, 40))
    draw.field("position_embedding_type", ("rope", None))


def falcon_h1(draw: Draw) -> None:
    attention(draw)
    without_nulls(draw, "head_dim")
    dense(draw)
    hidden: int = draw.raw.get("hidden_size", draw.declared["hidden_size"].default)
    channels = draw.field("mamba_d_ssm", (24, 60, None))
    if channels is None:
        draw.raw["mamba_expand"] = 2
    mamba2(draw, channels or 2 * hidden)
    if channels is None:
        draw.raw["mamba_expand"] = 2
    draw.flag("mamba_rms_norm", "mamba_norm_before_gate", "projectors_bias", "mlp_bias")


def zamba2(draw: Draw) -> None:
    # the switch ties whatever transformers ties: off, its layers share no blocks, and hold adapters that nothing reads
    draw.raw.pop("tie_word_embeddings", None)
    heads = draw.field("num_attention_heads", (1, 2, 3, 4, 6))
    hidden: int = draw.field("hidden_size", [heads * k for k in (4, 8, 10)], fits=lambda size: 2 * size % heads == 0)
    adapts = draw.field("use_shared_attention_adapter", (False, True))
    groups = [None, heads] if adapts else [*divisors(heads), None]
    draw.field("num_key_value_heads", groups)
    if draw.raw.get("num_key_value_heads") is None:
        draw.raw.pop("num_key_value_heads", None)
    draw.field("adapter_rank", (1, 6))
    draw.field("num_mem_blocks", (1, 2, 3))
    draw.field("intermediate_size", (1, 48, 100, None))
    draw.flag("add_bias_linear", "use_mem_rope", "use_conv_bias")
    expand = draw.field("mamba_expand", (1, 2, 3))
    few = [n for n in divisors(expand * hidden) if n <= 12]
    own = draw.field("n_mamba_heads", few, fits=lambda n: expand * hidden % n == 0)
    draw.field("mamba_ngroups", divisors(own))
    draw.field("mamba_d_state", (1, 8, 20))
    draw.field("mamba_d_conv", (1, 2, 4))
    draw.field("chunk_size", (8, 64))
    zamba_pattern(draw)


def zamba_pattern(draw: Draw) -> None:
    """Zamba2's layers: given under names old or new, with the places of hybrid ones or without; or none of that."""
    if draw.rng.random() < 0.2:
        draw.raw.pop("num_hidden_layers", None)
        return
    draw.raw["num_hidden_layers"] = layers = draw.rng.choice((1, 2, 5, 8))
    kinds = draw.rng.choices((draw.rng.choice((LINEAR, "mamba")), "hybrid"), k=layers)
    draw.raw["layers_block_type"] = kinds
    if draw.rng.random() < 0.5:
        draw.raw["hybrid_layer_ids"] = [i for i, kind in enumerate(kinds) if kind == "hybrid"]
        if draw.rng.random() < 0.5:  # by itself, transformers takes adapters of its default pattern with this name
            draw.raw["layer_types"] = draw.raw.pop("layers_block_type")


def lfm2(draw: Draw) -> None:
    attention(draw)
    without_nulls(draw, "num_key_value_heads", "head_dim")
    draw.field("intermediate_size", (1, 48, 100, 172), aliases=("block_ff_dim",))
    draw.field("conv_L_cache", (1, 2, 3))
    draw.flag("conv_bias", "block_auto_adjust_ff_dim", "tie_embedding")
    draw.field("block_multiple_of", (1, 16, 256))
    draw.field("block_ffn_dim_multiplier", (0.5, 1.0, 1.3, 2))
    draw.field("full_attn_idxs", ([], [0], [1, 2, 90], None))
    draw.listed("layer_types", (FULL, "conv"))


def minimax(draw: Draw) -> None:
    attention(draw)
    dense(draw)
    without_nulls(draw, "num_key_value_heads")
    draw.listed("layer_types", (FULL, LINEAR))
    draw.field("block_size", (4, 16))
    draw.field("sliding_window", (1, 16, None))
    experts(draw, "num_local_experts", (1, 2, 5), aliases=("num_experts",))


def kimi_linear(draw: Draw) -> None:
    draw.raw["pad_token_id"] = 0  # the default, 163839, is outside of a small vocabulary
    draw.field("num_attention_heads", (1, 2, 3))
    draw.field("hidden_size", (24, 50))
    for name, values in (("q_lora_rank", (1, 12, None)), ("kv_lora_rank", (1, 10)), ("v_head_dim", (4, 10))):
        draw.field(name, values)
    draw.field("qk_nope_head_dim", (4, 6))
    draw.field("qk_rope_head_dim", (2, 8))
    draw.flag("attention_bias")
    dense(draw)
    draw.field("moe_intermediate_size", (1, 20, 32))
    draw.field("n_shared_experts", (1, 2, 3), aliases=("num_shared_experts",))
    number = draw.field("num_local_experts", (1, 2, 16), aliases=("num_experts",))
    few = [k for k in (1, 2, 3) if k <= number]
    draw.field("num_experts_per_tok", few, fits=lambda k: k <= number, aliases=("num_experts_per_token",))
    draw.field("linear_head_dim", (4, 10))
    draw.field("linear_num_heads", (1, 3))
    draw.field("linear_conv_kernel_dim", (1, 2, 4))
    draw.listed("layer_types", (FULL, LINEAR))
    draw.listed("mlp_layer_types", ("dense", "sparse"))
    draw.field("first_k_dense_replace", (0, 1, 9), default=1)
    if draw.rng.random() < 0.5:
        draw.raw["linear_attn_config"] = linear_section(draw)


def linear_section(draw: Draw) -> dict[str, object]:
    """The section that published files have, or some of it."""
    layers = list(range(1, draw.layers + 1))
    full = draw.rng.sample(layers, draw.rng.randint(0, draw.layers))
    kda = [layer for layer in layers if layer not in full]
    section = {"head_dim": 6, "num_heads": 2, "short_conv_kernel_size": 3, "full_attn_layers": full, "kda_layers": kda}
    left_out = draw.rng.choice((None, "head_dim", "kda_layers"))
    return {name: value for name, value in section.items() if name != left_out}


DRAWS = {
    family.__name__: family
    for family in (jamba, bamba, granitemoehybrid, falcon_h1, zamba2, lfm2, minimax, kimi_linear)
}


def small_jamba(rng: random.Random) -> sizes.Fields:
    mamba = {"mamba_d_state": rng.randint(4, 20), "mamba_d_conv": rng.choice([2, 4])}
    places = {"attn_layer_period": 2, "attn_layer_offset": rng.randint(0, 1), "num_hidden_layers": 3}
    return {**mamba, **places, "num_experts": 4, "num_experts_per_tok": rng.randint(1, 3)}


def small_mamba2(rng: random.Random) -> sizes.Fields:
    state = {"mamba_d_state": rng.randint(4, 20), "mamba_d_conv": rng.choice([2, 4])}
    return {**state, "mamba_n_heads": 8, "mamba_n_groups": rng.choice([1, 2]), "mamba_chunk_size": 16}


def small_granite(rng: random.Random) -> sizes.Fields:
    routed = {"num_local_experts": rng.choice([0, 4]), "num_experts_per_tok": rng.randint(1, 3)}
    types = {"layer_types": [LINEAR, FULL], "position_embedding_type": rng.choice(["rope", None])}
    return {**routed, **types, "shared_intermediate_size": rng.randint(8, 30)}


def small_falcon(rng: random.Random) -> sizes.Fields:
    return {"mamba_d_ssm": rng.choice([None, 64]), "mamba_rms_norm": rng.random() < 0.5}


def small_zamba(rng: random.Random) -> sizes.Fields:
    mamba = {"mamba_d_state": rng.randint(4, 20), "n_mamba_heads": 8, "mamba_ngroups": 2, "chunk_size": 16}
    kinds = [LINEAR, "hybrid", "hybrid", LINEAR, "hybrid"]
    blocks = {"num_mem_blocks": rng.randint(1, 2), "adapter_rank": rng.randint(3, 9), "num_key_value_heads": 4}
    flags = {name: rng.random() < 0.5 for name in ("use_shared_attention_adapter", "use_mem_rope", "add_bias_linear")}
    return {**mamba, **blocks, **flags, "num_hidden_layers": 5, "layers_block_type": kinds}


def small_lfm2(rng: random.Random) -> sizes.Fields:
    return {"layer_types": [FULL, "conv"], "conv_L_cache": rng.randint(2, 3), "block_multiple_of": 8}


def small_minimax(rng: random.Random) -> sizes.Fields:
    routed = {"num_local_experts": 4, "num_experts_per_tok": rng.randint(1, 3)}
    return {**routed, "block_size": rng.choice([4, 16]), "sliding_window": rng.choice([None, 5])}


def small_kimi(rng: random.Random) -> sizes.Fields:
    linear = {"linear_head_dim": rng.randint(4, 12), "linear_num_heads": 3, "linear_conv_kernel_dim": 4}
    places = {
        "layer_types": [LINEAR, FULL, LINEAR],
        "num_hidden_layers": 3,
        "mlp_layer_types": ["dense"] + ["sparse"] * 2,
    }
    return {**sizes.latent(rng), **sizes.experts(rng, "num_local_experts"), **linear, **places}


SMALL = {
    "jamba": sizes.beside(small_jamba),
    "bamba": sizes.beside(small_mamba2, attn_layer_indices=[1]),
    "granitemoehybrid": sizes.beside(small_mamba2, small_granite),
    "falcon_h1": sizes.beside(small_mamba2, small_falcon),
    "zamba2": sizes.beside(small_zamba),
    "lfm2": sizes.beside(small_lfm2),
    "minimax": sizes.beside(sizes.width, small_minimax),
    "kimi_linear": sizes.beside(small_kimi),
}

MAMBA = ((r"\.mamba\.(?!\w*norm)", "state space"), (r"\.feed_forward\.(gate|up|down|gate_up)_proj", "mlp"))

KINDS: dict[str, tuple[tuple[str, str], ...]] = {
    "jamba": MAMBA,
    "bamba": MAMBA,
    "granitemoehybrid": (*MAMBA, (r"\.shared_mlp\.", "mlp")),
    "falcon_h1": MAMBA,
    "zamba2": (*MAMBA, (r"\.linear\.weight$", "other")),
    "lfm2": ((r"\.conv\.", "state space"), (r"\.feed_forward\.", "mlp")),
    "minimax": ((r"\.self_attn\.(qkv_proj|output_gate|out_proj)\.", "linear attention"),),
}


def granite_names(names: Sequence[str]) -> list[str]:
    """Beside experts, what all tokens pass through is one of them; alone, it is an MLP."""
    routed = any("block_sparse_moe" in name for name in names)
    return [name.replace("shared_mlp", "shared_expert") if routed else name for name in names]


def kimi_names(names: Sequence[str]) -> list[str]:
    """Latent attention and Kimi delta attention are both called self_attn; only the latter has a forget gate."""
    found = (re.match(r"(.*\.self_attn)\.forget_gate\.A_log$", name) for name in names)
    linear = tuple(f"{match[1]}." for match in found if match)
    return [name.replace("self_attn", "linear_attn") if name.startswith(linear) else name for name in names]


NAMES = {"granitemoehybrid": granite_names, "kimi_linear": kimi_names}
