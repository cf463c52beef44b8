"""Qwen3-VL and MiniMax-M3, their language models alone and beside their towers."""

from __future__ import annotations

import random
from collections.abc import Callable

from tests.oracle import sizes
from tests.oracle.alone import Alone
from tests.oracle.draw import FULL, Draw, attention, dense, divisors, experts, sparse
from tests.oracle.types.gemma import section, text

BLOCKS = "minimax_m3_sparse"
SEES = (r"\.visual\.|vision_tower|vision_model|multi_modal_projector", "vision")


def qwen3_vl_text(draw: Draw) -> None:
    attention(draw)
    dense(draw)
    draw.flag("attention_bias")


def qwen3_vl_moe_text(draw: Draw) -> None:
    qwen3_vl_text(draw)
    sparse(draw, aliases=("num_local_experts",))


def tower(draw: Draw) -> None:
    """What the towers of Qwen3-VL and Qwen3.5 share."""
    heads = draw.field("num_heads", (1, 2, 4), aliases=("num_attention_heads",))
    draw.field("hidden_size", [heads * k for k in (4, 8, 12)], fits=lambda size: size % heads == 0)
    draw.field("depth", (1, 2, 5), aliases=("num_hidden_layers",))
    draw.field("intermediate_size", (1, 40, 66))
    draw.field("in_channels", (1, 3, 4))
    draw.field("patch_size", (2, 5))
    draw.field("spatial_merge_size", (1, 2, 3))
    draw.field("temporal_patch_size", (1, 2, 3))
    draw.field("out_hidden_size", (1, 30))
    draw.field("num_position_embeddings", (1, 16, 49))


def deepstack(draw: Draw) -> None:
    tower(draw)
    draw.field("deepstack_visual_indexes", ([], [0], [0, 1, 2, 7]))


def whole(draw: Draw) -> None:
    """What multimodal types have outside of their sections."""
    draw.raw.pop("vocab_size", None)


def qwen3_vl(draw: Draw) -> None:
    whole(draw)
    section(draw, "text_config", "qwen3_vl_text", text(qwen3_vl_text))
    section(draw, "vision_config", "qwen3_vl_vision", deepstack, optional=True)


def qwen3_vl_moe(draw: Draw) -> None:
    whole(draw)
    section(draw, "text_config", "qwen3_vl_moe_text", text(qwen3_vl_moe_text))
    section(draw, "vision_config", "qwen3_vl_moe_vision", deepstack, optional=True)


def flags(draw: Draw) -> list[int]:
    return [draw.rng.randint(0, 1) for _ in range(draw.layers)]


def minimax_m3_vl_text(draw: Draw) -> None:
    heads = draw.field("num_attention_heads", (1, 2, 4, 6))
    draw.field("num_key_value_heads", divisors(heads), fits=lambda kv: heads % kv == 0)
    draw.field("head_dim", (8, 10))
    draw.field("hidden_size", (50, 64))
    for name in ("intermediate_size", "dense_intermediate_size", "shared_intermediate_size"):
        draw.field(name, (1, 20, 32))
    experts(draw, "num_local_experts", (1, 2, 5), aliases=("num_experts",))
    draw.field("index_n_heads", divisors(heads), fits=lambda n: heads % n == 0)
    draw.field("index_head_dim", (4, 12))
    draw.field("index_block_size", (1, 16))
    draw.field("index_topk_blocks", (1, 3))
    draw.listed("layer_types", (FULL, BLOCKS))
    draw.listed("mlp_layer_types", ("sparse", "dense"))
    if draw.rng.random() < 0.4:
        draw.raw["moe_layer_freq"] = flags(draw)
    if draw.rng.random() < 0.5:
        old = {"sparse_num_index_heads": 1, "sparse_index_dim": draw.rng.choice((6, 14)), "sparse_block_size": 4}
        some = {name: old[name] for name in draw.rng.sample(sorted(old), 2)}
        draw.raw["sparse_attention_config"] = {**some, "sparse_attention_freq": flags(draw)}
    draw.field("num_mtp_modules", (0, 1), default=0)


def minimax_tower(draw: Draw) -> None:
    heads = draw.field("num_attention_heads", (1, 2, 4))
    draw.field("hidden_size", [heads * k for k in (6, 12)], fits=lambda size: size % heads == 0)
    draw.field("intermediate_size", (1, 40))
    draw.field("num_hidden_layers", (1, 2, 5))
    draw.field("num_channels", (1, 3))
    draw.field("patch_size", (2, 5))
    draw.field("temporal_patch_size", (1, 2))
    draw.field("spatial_merge_size", (1, 2, 3))
    draw.field("image_size", (28, 60))  # bears on nothing


def minimax_m3_vl(draw: Draw) -> None:
    whole(draw)
    section(draw, "text_config", "minimax_m3_vl_text", text(minimax_m3_vl_text))
    section(draw, "vision_config", "minimax_m3_vl_vision", minimax_tower, optional=True)
    draw.field("projector_hidden_size", (1, 40))


DRAWS = {
    family.__name__: family
    for family in (qwen3_vl_text, qwen3_vl, qwen3_vl_moe_text, qwen3_vl_moe, minimax_m3_vl_text, minimax_m3_vl)
}

CLASSES = {
    "qwen3_vl_text": Alone("qwen3_vl", "Qwen3VLForConditionalGeneration", "visual"),
    "qwen3_vl": "Qwen3VLForConditionalGeneration",
    "qwen3_vl_moe_text": Alone("qwen3_vl_moe", "Qwen3VLMoeForConditionalGeneration", "visual"),
    "qwen3_vl_moe": "Qwen3VLMoeForConditionalGeneration",
    "minimax_m3_vl": "MiniMaxM3SparseForConditionalGeneration",
}

KINDS = dict.fromkeys(("qwen3_vl", "qwen3_vl_moe", "minimax_m3_vl"), (SEES,))

TOWER = {
    "depth": 1,
    "hidden_size": 32,
    "intermediate_size": 40,
    "num_heads": 2,
    "patch_size": 4,
    "num_position_embeddings": 16,
    "deepstack_visual_indexes": [0],
}


def wide(rng: random.Random) -> sizes.Fields:
    """Heads of which three parts turn, each by a position of its own; grouped so in the text's ``mrope_section``."""
    return {"head_dim": 4 * rng.randint(6, 10)}


def beside_tower(
    text_fields: Callable[[random.Random], sizes.Fields], tower_fields: sizes.Fields
) -> Callable[[random.Random], sizes.Fields]:
    """A small language model beside a small tower."""

    def small(rng: random.Random) -> sizes.Fields:
        fields = text_fields(rng)
        vision = {**tower_fields, "out_hidden_size": fields["hidden_size"]}
        return {"text_config": fields, "vision_config": vision}

    return small


def minimax(rng: random.Random) -> sizes.Fields:
    indexer = {"index_n_heads": rng.choice([1, 2, 4]), "index_head_dim": 8, "index_block_size": rng.choice([4, 8])}
    networks = {"dense_intermediate_size": rng.randint(20, 60), "shared_intermediate_size": rng.randint(8, 24)}
    return {
        "head_dim": 2 * rng.randint(4, 10),
        "num_local_experts": 4,
        "num_experts_per_tok": rng.randint(1, 3),
        "index_topk_blocks": rng.choice([1, 2, 50]),
        "num_hidden_layers": 3,
        "layer_types": [FULL, BLOCKS, BLOCKS],
        "mlp_layer_types": ["dense", "sparse", "dense"],
        **indexer,
        **networks,
    }


small_vl = sizes.beside(wide)
small_vl_moe = sizes.beside(sizes.experts, wide)
small_minimax = sizes.beside(minimax)

SMALL = {
    "qwen3_vl_text": small_vl,
    "qwen3_vl": beside_tower(small_vl, TOWER),
    "qwen3_vl_moe_text": small_vl_moe,
    "qwen3_vl_moe": beside_tower(small_vl_moe, TOWER),
    "minimax_m3_vl_text": small_minimax,
    "minimax_m3_vl": beside_tower(
        small_minimax,
        {"hidden_size": 24, "intermediate_size": 30, "num_hidden_layers": 1, "num_attention_heads": 2, "patch_size": 4},
    ),
}
