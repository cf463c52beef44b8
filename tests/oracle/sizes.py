"""Sizes of small models that run on the CPU: the groups of fields that families share."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

VOCABULARY = 96

Fields = dict[str, Any]


def beside(*groups: Callable[[random.Random], Fields], **fields: Any) -> Callable[[random.Random], Fields]:
    """The usual sizes, groups of fields beside them, and single ones."""

    def small(rng: random.Random) -> Fields:
        made = common(rng)
        for group in groups:
            made |= group(rng)
        return made | fields

    return small


def common(draw: random.Random) -> Fields:
    """Sizes of a small decoder with attention."""
    kv_heads = draw.choice([1, 2, 4])
    return {
        "vocab_size": VOCABULARY,
        "hidden_size": 8 * draw.randint(2, 6) * 4,
        "intermediate_size": draw.randint(20, 70),
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": kv_heads,
        "pad_token_id": 0,
        "bos_token_id": 1,
        "eos_token_id": 2,
    }


def width(draw: random.Random) -> Fields:
    """A head dimension of its own."""
    return {"head_dim": 2 * draw.randint(4, 14)}


def window(draw: random.Random) -> Fields:
    """A sliding window shorter than some prompts."""
    return {"sliding_window": draw.randint(3, 12)}


def experts(draw: random.Random, name: str = "num_experts") -> Fields:
    """A small mixture of experts."""
    return {name: 4, "num_experts_per_tok": draw.randint(1, 3), "moe_intermediate_size": draw.randint(8, 24)}


def latent(draw: random.Random) -> Fields:
    """Multi-head latent attention with grouped routing switched off."""
    return {
        "num_key_value_heads": 4,
        "q_lora_rank": draw.choice([None, 20]),
        "kv_lora_rank": 12,
        "qk_nope_head_dim": 2 * draw.randint(4, 8),
        "qk_rope_head_dim": 8,
        "v_head_dim": 2 * draw.randint(4, 8),
        "first_k_dense_replace": draw.randint(0, 2),
        "n_shared_experts": draw.randint(1, 2),
        "n_group": 1,
        "topk_group": 1,
        **experts(draw, "n_routed_experts"),
    }


def delta_net(draw: random.Random) -> Fields:
    """Gated delta nets in three of four layers."""
    return {
        "linear_num_key_heads": 2,
        "linear_num_value_heads": draw.choice([2, 4]),
        "linear_key_head_dim": draw.randint(4, 16),
        "linear_value_head_dim": draw.randint(4, 16),
        "num_hidden_layers": 4,
    }


def state_space(draw: random.Random) -> Fields:
    """A small Mamba 2."""
    return {"n_groups": draw.choice([1, 2]), "chunk_size": 16, "conv_kernel": draw.choice([2, 4])}
