"""What random Megatron models keep for the backward pass on every stage, beside PyTorch's saved-tensor hooks around
megatron-core's local layers: the same bytes, in tensors of the same sizes.

Not covered: balancing losses and expert biases (a handful of small tensors), multi-token prediction, and layouts where
tensor parallel ranks outnumber query groups (whole queries, keys and values are gathered then).
"""

from __future__ import annotations

import os
import random
from collections import Counter
from typing import Any

import pytest

from tests.oracle.megatron_models import BASE, Degrees, chunk, rank, torch, weighed, words
from weighbridge.estimate.activations import in_common
from weighbridge.estimate.training import Training
from weighbridge.traced import plain

pytestmark = pytest.mark.oracle

DRAWS = int(os.environ.get("WEIGHBRIDGE_MEGATRON_DRAWS", "40"))

Sizes = Counter[int]
"""How many tensors there are of so many bytes."""


def common(draw: random.Random, ranks: Degrees) -> dict[str, Any]:
    """Arguments of any small model."""
    found = {
        **BASE,
        **ranks.arguments(),
        "num_layers": ranks.pipeline * ranks.virtual * draw.choice((1, 2)),
        "hidden_size": draw.choice((24, 40)),
        "num_attention_heads": ranks.tensor * 4,
        "kv_channels": draw.choice((6, 10)),
        "ffn_hidden_size": ranks.tensor * draw.choice((14, 18)),
        "vocab_size": draw.choice((97, 130)),
        "seq_length": 4 * ranks.tensor * ranks.context * draw.choice((2, 3)),
        "micro_batch_size": draw.choice((1, 2, 3)),
        "normalization": draw.choice(("LayerNorm", "RMSNorm")),
        "position_embedding_type": draw.choice(("learned_absolute", "rope", "none")),
        "sequence_parallel": ranks.tensor > 1 and draw.random() < 0.7,
        "use_flash_attn": ranks.context > 1 or draw.random() < 0.4,
        "hidden_dropout": draw.choice((0.0, 0.1)),
        "attention_dropout": draw.choice((0.0, 0.1)),
    }
    found["global_batch_size"] = found["micro_batch_size"] * ranks.data * ranks.pipeline
    flags = ("swiglu", "untie_embeddings_and_output_weights", "disable_bias_linear", "qk_layernorm")
    fusions = ("no_bias_swiglu_fusion", "no_bias_gelu_fusion", "no_bias_dropout_fusion")
    return found | {flag: draw.random() < 0.5 for flag in flags} | {flag: draw.random() < 0.3 for flag in fusions}


def dense(draw: random.Random, ranks: Degrees) -> dict[str, Any]:
    """Grouped queries and one feed-forward network."""
    found = common(draw, ranks)
    if not found["swiglu"]:
        found["squared_relu"] = draw.random() < 0.3
    if draw.random() < 0.5:
        found |= {"group_query_attention": True, "num_query_groups": 2 * ranks.tensor}
        if found["use_flash_attn"] and found["position_embedding_type"] != "rope":
            found["use_flash_attn"] = False  # how the kernel is given q, k and v that stand in groups is not known here
            if ranks.context > 1:
                found |= {"position_embedding_type": "rope", "use_flash_attn": True}
    return found


def latent(draw: random.Random, ranks: Degrees) -> dict[str, Any]:
    """Multi-head latent attention, which local layers run with a stand-in for flash attention only."""
    return common(draw, ranks) | {
        "multi_latent_attention": True,
        "use_flash_attn": True,
        "position_embedding_type": "rope",
        "q_lora_rank": draw.choice((None, 8, 12)),
        "kv_lora_rank": draw.choice((8, 10)),
        "qk_head_dim": draw.choice((4, 6)),
        "qk_pos_emb_head_dim": draw.choice((2, 4)),
        "v_head_dim": draw.choice((4, 6)),
    }


def sparse(draw: random.Random, ranks: Degrees) -> dict[str, Any]:
    """A mixture of experts in every layer, every expert with as many tokens."""
    found = dense(draw, ranks) | {
        "sequence_parallel": ranks.tensor > 1,
        "disable_bias_linear": True,
        "squared_relu": False,
        "num_experts": 4,
        "micro_batch_size": 2,
        "global_batch_size": 2 * ranks.data * ranks.pipeline,
        "moe_router_topk": 2,
        "moe_ffn_hidden_size": 7 * ranks.inside,
        "moe_token_dispatcher_type": draw.choice(("allgather", "alltoall")),
        "moe_router_dtype": draw.choice((None, "fp32")),
        "moe_router_score_function": draw.choice(("softmax", "sigmoid")),
        "moe_router_load_balancing_type": "none",
    }
    if draw.random() < 0.5:
        found["moe_shared_expert_intermediate_size"] = 11 * ranks.tensor
        found["moe_shared_expert_gate"] = draw.random() < 0.5
    return found


LAYOUTS = (
    Degrees(),
    Degrees(pipeline=3),
    Degrees(tensor=2, inside=2),
    Degrees(tensor=2, inside=2, context=2),
    Degrees(tensor=2, inside=2, pipeline=2, virtual=2),
    Degrees(pipeline=3, virtual=2, context=2, data=2),
)

SPARSE = (
    Degrees(),
    Degrees(pipeline=3),
    Degrees(expert=2, data=2),
    Degrees(expert=4, data=2, context=2),
    Degrees(tensor=2, inside=1, expert=2),
    Degrees(tensor=2, inside=2, expert=2, data=2, pipeline=2, virtual=2),
)


@pytest.mark.parametrize("number", range(DRAWS))
@pytest.mark.parametrize("kind", [dense, latent])
def test_kept(kind: Any, number: int) -> None:
    draw = random.Random(f"{kind.__name__} {number}")
    ranks = draw.choice(LAYOUTS)
    given = kind(draw, ranks)
    training = weighed(given, ranks)
    for stage in range(ranks.pipeline):
        for virtual in range(ranks.virtual):
            ours = of_chunk(training, stage, virtual)
            theirs = real(given, ranks, stage, virtual)
            assert summed(ours) == summed(theirs), (stage, virtual, " ".join(words(given)))
            assert ours == theirs, (stage, virtual, " ".join(words(given)))


@pytest.mark.parametrize("number", range(DRAWS))
def test_experts_keep(number: int) -> None:
    draw = random.Random(f"experts {number}")
    ranks = draw.choice(SPARSE)
    given = sparse(draw, ranks)
    training = weighed(given, ranks)
    for stage in range(ranks.pipeline):
        for virtual in range(ranks.virtual):
            ours = of_chunk(training, stage, virtual, inside=False)
            layers = training.layout[virtual * ranks.pipeline + stage].layers
            ours += found_by_masks(given, ranks, layers)
            theirs = real(given, ranks, stage, virtual, "cpu")
            assert summed(ours) == summed(theirs), (stage, virtual, " ".join(words(given)))
