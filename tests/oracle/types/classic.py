"""Families with plain MLPs or LayerNorm, most of them of 2021 to 2024: GPT-J to Falcon, Phi, StableLM, Command R."""

from __future__ import annotations

import random
from collections.abc import Callable

from tests.oracle import sizes
from tests.oracle.draw import Draw, attention, dense, divisors, windows

HIDDEN = ("hidden_size",)
HEADS = ("num_attention_heads",)
LAYERS = ("num_hidden_layers",)


def equal_heads(draw: Draw, hidden: str = "hidden_size", heads: str = "num_attention_heads") -> int:
    """Heads that divide the hidden size; how many."""
    number: int = draw.field(heads, (1, 2, 3, 4, 6, 8), aliases=() if heads in HEADS else HEADS)
    sizes_that_fit = [number * k for k in (4, 8, 10, 16)]
    names = () if hidden in HIDDEN else HIDDEN
    draw.field(hidden, sizes_that_fit, fits=lambda size: size % number == 0, aliases=names)
    return number


def gpt_neox(draw: Draw) -> None:
    equal_heads(draw)
    dense(draw)
    draw.flag("attention_bias", "use_parallel_residual")


def gptj(draw: Draw) -> None:
    equal_heads(draw, "n_embd", "n_head")
    draw.field("n_layer", (1, 2, 5), aliases=LAYERS)
    draw.field("n_inner", (1, 100, None))
    draw.field("n_positions", (16, 77))  # bears on nothing: positions turn


def gpt_bigcode(draw: Draw) -> None:
    gptj(draw)
    draw.flag("multi_query")
    draw.field("add_cross_attention", (False,))


def opt(draw: Draw) -> None:
    equal_heads(draw)
    draw.field("ffn_dim", (1, 48, 100))
    draw.field("max_position_embeddings", (16, 77))
    draw.field("word_embed_proj_dim", (1, 20, draw.raw.get("hidden_size", 768), None))
    draw.flag("do_layer_norm_before", "_remove_final_layer_norm", "enable_bias", "layer_norm_elementwise_affine")


def bloom(draw: Draw) -> None:
    equal_heads(draw, "hidden_size", "n_head")
    draw.field("n_layer", (1, 2, 5), aliases=LAYERS)
    if "hidden_size" in draw.raw and draw.rng.random() < 0.3:
        draw.raw["n_embed"] = draw.raw.pop("hidden_size")  # what very old files call it
    draw.flag("apply_residual_connection_post_layernorm")


def falcon(draw: Draw) -> None:
    heads = equal_heads(draw)
    new = draw.field("new_decoder_architecture", (False, True, None))
    groups = [*divisors(heads), None] if new else [heads, None]
    draw.field("num_kv_heads", groups, fits=lambda kv: kv is None or heads % kv == 0)
    draw.field("multi_query", (False, True, None))
    draw.field("parallel_attn", (False, True, None))
    draw.field("num_ln_in_parallel_attn", (1, 2, None))
    draw.field("alibi", (False, True, None))
    draw.field("bias", (False, True, None))
    draw.field("ffn_hidden_size", (1, 48, 100, None))


def mpt(draw: Draw) -> None:
    equal_heads(draw, "d_model", "n_heads")
    draw.field("n_layers", (1, 2, 5), aliases=LAYERS)
    draw.field("attn_config", ({"clip_qkv": 8.0}, {"clip_qkv": None, "alibi": True}, {}, None))
    draw.field("expansion_ratio", (2, 4))  # transformers builds 4 in any case


def phi(draw: Draw) -> None:
    attention(draw)
    dense(draw)
    if draw.raw.get("head_dim") is None:  # norms are made for equal shares of the hidden size
        draw.flag("qk_layernorm")


def starcoder2(draw: Draw) -> None:
    attention(draw)
    dense(draw)
    draw.field("sliding_window", (1, 16, None))
    draw.flag("use_bias")


def stablelm(draw: Draw) -> None:
    heads = equal_heads(draw)
    draw.field("num_key_value_heads", divisors(heads), fits=lambda kv: heads % kv == 0)
    draw.field("head_dim", (6,), default=None)  # bears on nothing
    dense(draw)
    draw.flag("use_qkv_bias", "qk_layernorm", "use_parallel_residual")


def gemma(draw: Draw) -> None:
    attention(draw)
    dense(draw)
    draw.flag("attention_bias")


def nemotron(draw: Draw) -> None:
    gemma(draw)
    if draw.raw.get("num_key_value_heads") is None:
        draw.raw["num_key_value_heads"] = 1  # transformers declares that it may be null, but then builds no model
    draw.flag("mlp_bias")


def cohere(draw: Draw) -> None:
    gemma(draw)
    draw.field("use_qk_norm", (False, True, None))


def cohere2(draw: Draw) -> None:
    gemma(draw)
    draw.field("sliding_window_pattern", (1, 2, 5), default=4)
    windows(draw, slides=True)


DRAWS = {
    family.__name__: family
    for family in (
        gpt_neox,
        gptj,
        gpt_bigcode,
        opt,
        bloom,
        falcon,
        mpt,
        phi,
        starcoder2,
        stablelm,
        gemma,
        nemotron,
        cohere,
        cohere2,
    )
}


def small(
    *groups: Callable[[random.Random], sizes.Fields], names: dict[str, str] | None = None, **fields: object
) -> Callable[[random.Random], sizes.Fields]:
    """The usual sizes under a family's own names, and those that it has not left out (named "")."""
    usual = sizes.beside(*groups)

    def make(rng: random.Random) -> sizes.Fields:
        given = {(names or {}).get(name, name): value for name, value in usual(rng).items()}
        return {name: value for name, value in given.items() if name} | fields

    return make


def flags(*names: str) -> Callable[[random.Random], sizes.Fields]:
    """Switches on or off."""
    return lambda rng: {name: rng.random() < 0.5 for name in names}


NO_GROUPS = {"num_key_value_heads": ""}
GPT = {**NO_GROUPS, "hidden_size": "n_embd", "intermediate_size": "n_inner"}
GPT |= {"num_attention_heads": "n_head", "num_hidden_layers": "n_layer"}
MOSAIC = {**NO_GROUPS, "hidden_size": "d_model", "intermediate_size": ""}
MOSAIC |= {"num_attention_heads": "n_heads", "num_hidden_layers": "n_layers"}


def small_opt(rng: random.Random) -> sizes.Fields:
    names = {**NO_GROUPS, "intermediate_size": "ffn_dim"}
    choices = flags("do_layer_norm_before", "enable_bias", "layer_norm_elementwise_affine")
    return small(choices, names=names)(rng) | {"word_embed_proj_dim": rng.choice([None, 20])}


def clipped(rng: random.Random) -> sizes.Fields:
    """MPT's clipping, or none."""
    return {"attn_config": rng.choice([{"clip_qkv": 8.0}, {}])}


def small_falcon(rng: random.Random) -> sizes.Fields:
    names = {"num_key_value_heads": "num_kv_heads", "intermediate_size": "ffn_hidden_size"}
    fields = small(flags("new_decoder_architecture", "multi_query", "bias", "alibi"), names=names)(rng)
    if fields["new_decoder_architecture"]:
        return fields | {"num_ln_in_parallel_attn": rng.choice([1, 2, None])}
    return fields | {"parallel_attn": rng.random() < 0.5, "num_kv_heads": None}


SMALL: dict[str, Callable[[random.Random], sizes.Fields]] = {
    "gpt_neox": small(flags("attention_bias", "use_parallel_residual"), names=NO_GROUPS),
    "gptj": small(names=GPT, rotary_dim=4),
    "gpt_bigcode": small(flags("multi_query"), names=GPT),
    "opt": small_opt,
    "bloom": small(names={**GPT, "hidden_size": "hidden_size", "intermediate_size": ""}),
    "falcon": small_falcon,
    "mpt": small(clipped, names=MOSAIC),
    "phi": small(flags("qk_layernorm")),
    "starcoder2": small(sizes.window, flags("use_bias")),
    "stablelm": small(flags("use_qkv_bias", "qk_layernorm", "use_parallel_residual")),
    "gemma": small(sizes.width),
    "nemotron": small(sizes.width, flags("mlp_bias")),
    "cohere": small(sizes.width, flags("use_qk_norm")),
    "cohere2": small(sizes.window, num_hidden_layers=4),
}

KINDS = {
    "gpt_neox": ((r"\.embed_in\.", "embedding"), (r"\.attention\.", "attention")),
    "opt": (
        (r"embed_positions|project_in", "embedding"),
        (r"project_out", "head"),
        (r"\.fc[12]\.", "mlp"),
    ),
    "bloom": ((r"\.self_attention\.", "attention"),),
    "falcon": ((r"\.ln_(attn|mlp)\.", "norm"), (r"\.self_attention\.", "attention")),
    "mpt": ((r"\.ffn\.", "mlp"),),
}
