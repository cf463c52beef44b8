"""The first families: GPT-2, Llama, Mistral, Qwen, Gemma, Phi-3, DeepSeek, gpt-oss, Mamba 2, Nemotron-H."""

from __future__ import annotations

import random
from collections.abc import Callable

from tests.oracle import sizes
from tests.oracle.draw import (
    FULL,
    LINEAR,
    Draw,
    attention,
    dense,
    divisors,
    experts,
    latent,
    sparse,
    switched_windows,
    windows,
)


def gpt2(draw: Draw) -> None:
    draw.field("n_layer", (1, 2, 5), aliases=("num_hidden_layers",))
    draw.field("n_positions", (16, 77), aliases=("max_position_embeddings",))
    heads = draw.field("n_head", (1, 2, 3, 4, 6, 12), aliases=("num_attention_heads",))
    hidden = [heads * k for k in (2, 8, 10)]
    draw.field("n_embd", hidden, fits=lambda size: size % heads == 0, aliases=("hidden_size",))
    draw.field("n_inner", (1, 100, None))
    draw.field("add_cross_attention", (False,))


def llama(draw: Draw) -> None:
    attention(draw, divisible=True)
    dense(draw)
    draw.flag("attention_bias", "mlp_bias")


def mistral(draw: Draw) -> None:
    attention(draw)
    dense(draw)
    draw.field("sliding_window", (1, 16, None))


def mixtral(draw: Draw) -> None:
    mistral(draw)
    experts(draw, "num_local_experts", (1, 2, 5), aliases=("num_experts",))


def qwen2(draw: Draw) -> None:
    attention(draw)
    dense(draw)
    switched_windows(draw)


def qwen2_moe(draw: Draw) -> None:
    qwen2(draw)
    if draw.raw.get("num_key_value_heads", 0) is None:
        draw.raw["num_key_value_heads"] = 1  # transformers declares that it may be null, but then builds no model
    draw.flag("qkv_bias")
    sparse(draw)
    draw.field("shared_expert_intermediate_size", (1, 24, 40))


def qwen3(draw: Draw) -> None:
    qwen2(draw)
    draw.flag("attention_bias")


def qwen3_moe(draw: Draw) -> None:
    attention(draw)
    dense(draw)
    draw.flag("attention_bias")
    draw.field("use_sliding_window", (False, True))
    draw.field("sliding_window", (1, 16, None))
    sparse(draw, aliases=("num_local_experts",))


def qwen3_next(draw: Draw) -> None:
    attention(draw)
    dense(draw)
    draw.flag("attention_bias")
    sparse(draw)
    draw.field("shared_expert_intermediate_size", (1, 24, 40))
    keys = draw.field("linear_num_key_heads", (1, 2, 4))
    draw.field("linear_num_value_heads", (keys, 3 * keys), fits=lambda values: values % keys == 0)
    draw.field("linear_key_head_dim", (4, 12))
    draw.field("linear_value_head_dim", (4, 10))
    draw.field("linear_conv_kernel_dim", (1, 3, 4))
    draw.field("full_attention_interval", (1, 2, 3), default=4)
    draw.listed("layer_types", (FULL, LINEAR))


def gemma2(draw: Draw) -> None:
    attention(draw, divisible=True)
    dense(draw)
    draw.flag("attention_bias")
    windows(draw, slides=True)


def gemma3_text(draw: Draw) -> None:
    gemma2(draw)
    draw.field("sliding_window_pattern", (1, 2, 5), default=6)


def phi3(draw: Draw) -> None:
    mistral(draw)
    draw.raw["pad_token_id"] = 0  # the default, 32000, is outside of a small vocabulary


def deepseek_v2(draw: Draw) -> None:
    latent(draw, divisible=True)
    draw.flag("mlp_bias")
    experts(draw, "n_routed_experts", (1, 2, 6), aliases=("num_experts",))


def deepseek_v3(draw: Draw) -> None:
    latent(draw, divisible=False)
    experts(draw, "n_routed_experts", (1, 2, 16), aliases=("num_local_experts",))
    draw.field("num_mtp_layers", (0, 1, 2), aliases=("num_nextn_predict_layers",))


def gpt_oss(draw: Draw) -> None:
    attention(draw)
    dense(draw)
    draw.flag("attention_bias")
    experts(draw, "num_local_experts", (1, 3, 6))
    windows(draw, slides=True)


def mamba2(draw: Draw) -> None:
    heads = draw.field("num_heads", (2, 4, 6, 12))
    head_dim = draw.field("head_dim", (4, 8, 12))
    expand = draw.field("expand", (1, 2, 4), fits=lambda factor: heads * head_dim % factor == 0)
    inner = heads * head_dim
    draw.field("hidden_size", (inner // expand,), fits=lambda size: size * expand == inner)
    draw.field("state_size", (1, 8, 20))
    draw.field("n_groups", divisors(heads), fits=lambda groups: heads % groups == 0)
    draw.field("conv_kernel", (1, 2, 4))
    draw.field("chunk_size", (8, 64))
    draw.flag("use_bias", "use_conv_bias")


def nemotron_h(draw: Draw) -> None:
    attention(draw)
    dense(draw)
    pattern(draw)
    heads = draw.field("mamba_num_heads", (2, 4, 6))
    draw.field("n_groups", divisors(heads), fits=lambda n: heads % n == 0, aliases=("mamba_n_groups",))
    draw.field("mamba_head_dim", (4, 6))
    draw.field("ssm_state_size", (1, 8, 20))
    draw.field("conv_kernel", (1, 2, 4), aliases=("mamba_d_conv",))
    draw.field("use_conv_bias", (False, True), aliases=("mamba_conv_bias",))
    draw.field("chunk_size", (8, 64), aliases=("mamba_chunk_size",))
    draw.field("expand", (1, 2), aliases=("mamba_expand",))  # bears on nothing
    draw.flag("attention_bias", "mlp_bias", "use_bias", "mamba_proj_bias")
    experts(draw, "n_routed_experts", (1, 3, 6), aliases=("num_local_experts",))
    draw.field("n_shared_experts", (1, 2))  # bears on nothing
    draw.field("moe_intermediate_size", (1, 20))
    draw.field("moe_shared_expert_intermediate_size", (1, 30))
    draw.field("moe_latent_size", (1, 14, None))
    draw.field("num_nextn_predict_layers", (0, 1, 2))


def pattern(draw: Draw) -> None:
    """Nemotron's layers: names old or new, letters, both (names win), or neither."""
    length = draw.rng.choice((1, 2, 4, 7))
    old, new = ("mamba", "attention", "mlp", "moe"), (LINEAR, FULL, "mlp", "moe")
    names = draw.rng.choices(draw.rng.choice((old, new)), k=length)
    form = draw.rng.choice(("names", "alias", "letters", "both", "neither"))
    if form in ("names", "both"):
        draw.raw["layers_block_type"] = names
    if form == "alias":
        draw.raw["layer_types"] = names
    if form in ("letters", "both"):
        draw.raw["hybrid_override_pattern"] = "".join(draw.rng.choices("M*-E", k=length + 1))
    if draw.rng.random() < 0.5:
        draw.raw["num_hidden_layers"] = draw.rng.choice((length, 52))  # the pattern's length counts


DRAWS = {
    family.__name__: family
    for family in (
        gpt2,
        llama,
        mistral,
        mixtral,
        qwen2,
        qwen2_moe,
        qwen3,
        qwen3_moe,
        qwen3_next,
        gemma2,
        gemma3_text,
        phi3,
        deepseek_v2,
        deepseek_v3,
        gpt_oss,
        mamba2,
        nemotron_h,
    )
}


def small_gpt2(rng: random.Random) -> sizes.Fields:
    fields = sizes.common(rng) | {"n_positions": 256}
    del fields["num_key_value_heads"], fields["intermediate_size"]
    return fields


def small_mamba2(rng: random.Random) -> sizes.Fields:
    usual = sizes.common(rng)
    own = {"num_heads": 8, "head_dim": usual["hidden_size"] // 4, "state_size": rng.randint(8, 20)}
    for name in ("intermediate_size", "num_attention_heads", "num_key_value_heads"):
        del usual[name]
    return usual | own | sizes.state_space(rng)


def shared_expert(rng: random.Random) -> sizes.Fields:
    return {"shared_expert_intermediate_size": rng.randint(8, 30)}


def local_experts(rng: random.Random) -> sizes.Fields:
    return {"num_local_experts": 4, "num_experts_per_tok": rng.randint(1, 3)}


def hybrid(rng: random.Random) -> sizes.Fields:
    mamba = {"ssm_state_size": rng.randint(8, 20), "mamba_num_heads": 8, "mamba_head_dim": rng.randint(4, 16)}
    moe = {**sizes.experts(rng, "n_routed_experts"), "moe_shared_expert_intermediate_size": 30}
    return {"hybrid_override_pattern": "M*-E", **sizes.state_space(rng), **mamba, **moe}


SMALL: dict[str, Callable[[random.Random], sizes.Fields]] = {
    "gpt2": small_gpt2,
    "llama": sizes.beside(),
    "mistral": sizes.beside(sizes.window),
    "mixtral": sizes.beside(local_experts),
    "qwen2": sizes.beside(),
    "qwen2_moe": sizes.beside(sizes.experts, shared_expert),
    "qwen3": sizes.beside(sizes.width),
    "qwen3_moe": sizes.beside(sizes.experts, sizes.width),
    "qwen3_next": sizes.beside(sizes.experts, shared_expert, sizes.width, sizes.delta_net),
    "gemma2": sizes.beside(sizes.width, sizes.window),
    "gemma3_text": sizes.beside(sizes.width, sizes.window),
    "phi3": sizes.beside(),
    "deepseek_v2": sizes.beside(sizes.latent),
    "deepseek_v3": sizes.beside(sizes.latent),
    "gpt_oss": sizes.beside(local_experts, sizes.width, sizes.window),
    "mamba2": small_mamba2,
    "nemotron_h": sizes.beside(sizes.width, hybrid),
}
