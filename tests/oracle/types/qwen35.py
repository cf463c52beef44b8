"""Qwen3.5 and its mixtures, their language models alone and beside their towers."""

from __future__ import annotations

from tests.oracle import sizes
from tests.oracle.draw import FULL, LINEAR, Draw, attention, dense, experts
from tests.oracle.types.first import shared_expert
from tests.oracle.types.gemma import section, text
from tests.oracle.types.qwenvl import SEES, TOWER, beside_tower, tower, whole


def mixers(draw: Draw) -> None:
    """Delta nets and gated attention."""
    attention(draw)
    draw.flag("attention_bias")
    keys = draw.field("linear_num_key_heads", (1, 2, 4))
    draw.field("linear_num_value_heads", (keys, 3 * keys), fits=lambda values: values % keys == 0)
    draw.field("linear_key_head_dim", (4, 12))
    draw.field("linear_value_head_dim", (4, 10))
    draw.field("linear_conv_kernel_dim", (1, 3, 4))
    draw.field("full_attention_interval", (1, 2, 3), default=4)
    draw.listed("layer_types", (FULL, LINEAR))
    draw.field("mtp_num_hidden_layers", (0, 1, 2), default=0)  # counted apart


def qwen3_5_text(draw: Draw) -> None:
    mixers(draw)
    dense(draw)


def qwen3_5_moe_text(draw: Draw) -> None:
    mixers(draw)
    experts(draw, "num_experts", (1, 3, 6))
    draw.field("moe_intermediate_size", (1, 20, 32))
    draw.field("shared_expert_intermediate_size", (1, 24, 40))
    draw.field("intermediate_size", (48,))  # bears on nothing


def qwen3_5(draw: Draw) -> None:
    whole(draw)
    section(draw, "text_config", "qwen3_5_text", text(qwen3_5_text))
    section(draw, "vision_config", "qwen3_5_vision", tower, optional=True)


def qwen3_5_moe(draw: Draw) -> None:
    whole(draw)
    section(draw, "text_config", "qwen3_5_moe_text", text(qwen3_5_moe_text))
    section(draw, "vision_config", "qwen3_5_moe_vision", tower, optional=True)


DRAWS = {family.__name__: family for family in (qwen3_5_text, qwen3_5, qwen3_5_moe_text, qwen3_5_moe)}

CLASSES = {"qwen3_5": "Qwen3_5ForConditionalGeneration", "qwen3_5_moe": "Qwen3_5MoeForConditionalGeneration"}

KINDS = {"qwen3_5": (SEES,), "qwen3_5_moe": (SEES,)}

small_hybrid = sizes.beside(sizes.width, sizes.delta_net)
small_hybrid_moe = sizes.beside(sizes.experts, shared_expert, sizes.width, sizes.delta_net)

SMALL = {
    "qwen3_5_text": small_hybrid,
    "qwen3_5": beside_tower(small_hybrid, TOWER),
    "qwen3_5_moe_text": small_hybrid_moe,
    "qwen3_5_moe": beside_tower(small_hybrid_moe, TOWER),
}
