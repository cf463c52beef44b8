"""Parameters of every rank of random Megatron models and layouts, beside megatron-core's own, built without memory."""

from __future__ import annotations

import os
import random
from typing import Any

import pytest

from tests.oracle.megatron_models import BASE, Degrees, chunks, padded_vocabulary, rank, weighed, words

pytestmark = [pytest.mark.oracle, pytest.mark.filterwarnings("ignore")]  # megatron-core warns at every turn

DRAWS = int(os.environ.get("WEIGHBRIDGE_MEGATRON_DRAWS", "40"))

KINDS = ("dense", "experts", "latent", "latent experts")


def degrees(draw: random.Random, sparse: bool) -> Degrees:
    """A layout of at most 32 ranks."""
    tensor, pipeline, context, data = (draw.choice(sizes) for sizes in ((1, 2, 4), (1, 2, 3), (1, 1, 2), (1, 2, 4)))
    virtual = draw.choice((1, 2, 3)) if pipeline > 1 else 1
    inside, expert = tensor, 1
    if sparse:
        left = tensor * context * data
        inside = draw.choice([size for size in (1, 2, 4) if left % size == 0])
        expert = draw.choice([size for size in (1, 2, 4, 8) if left % (size * inside) == 0])
    found = Degrees(tensor, pipeline, virtual, expert, inside, context, data)
    return found if found.ranks <= 32 else degrees(draw, sparse)


def model(draw: random.Random, kind: str, ranks: Degrees) -> dict[str, Any]:
    """Arguments of a small model that the layout divides."""
    head = draw.choice((4, 6))
    heads = ranks.tensor * draw.choice((1, 2, 3))
    found = {
        **BASE,
        **ranks.arguments(),
        "num_layers": ranks.pipeline * ranks.virtual * draw.choice((1, 2, 3)),
        "hidden_size": draw.choice((24, 40)),
        "num_attention_heads": heads,
        "kv_channels": head,
        "ffn_hidden_size": ranks.tensor * draw.choice((6, 10)),
        "vocab_size": draw.choice((64, 97, 130)),
        "make_vocab_size_divisible_by": draw.choice((1, 4, 16)),
        "normalization": draw.choice(("LayerNorm", "RMSNorm")),
        "position_embedding_type": draw.choice(("learned_absolute", "rope", "none")),
        "sequence_parallel": ranks.tensor > 1 and (kind.endswith("experts") or draw.random() < 0.5),
    }
    for flag in ("swiglu", "untie_embeddings_and_output_weights", "disable_bias_linear", "qk_layernorm"):
        found[flag] = draw.random() < 0.5
    if not found["swiglu"]:
        found["squared_relu"] = draw.random() < 0.3
    if kind.startswith("latent"):
        found |= latent(draw)
    else:
        found |= grouped(draw, ranks, heads)
    if kind.endswith("experts"):
        found |= experts(draw, found, ranks)
    if found["position_embedding_type"] != "learned_absolute" and draw.random() < 0.4:
        found["mtp_num_layers"] = draw.choice((1, 2))
    if ranks.virtual == 1 and ranks.pipeline > 1 and draw.random() < 0.3:
        end = draw.choice(("first", "last"))
        found[f"decoder_{end}_pipeline_num_layers"] = draw.choice((1, 2))
        found["num_layers"] = found[f"decoder_{end}_pipeline_num_layers"] + (ranks.pipeline - 1) * draw.choice((1, 2))
    if "moe_layer_freq" in found and draw.random() < 0.5:
        found["moe_layer_freq"] = str([draw.randint(0, 1) for _ in range(found["num_layers"])]).replace(" ", "")
    # local core attention knows neither context parallelism nor heads of two sizes; the kind bears on no parameter
    found["use_flash_attn"] = ranks.context > 1 or kind.startswith("latent")
    return found


def latent(draw: random.Random) -> dict[str, Any]:
    """Multi-head latent attention."""
    return {
        "multi_latent_attention": True,
        "q_lora_rank": draw.choice((None, 8, 12)),
        "kv_lora_rank": draw.choice((8, 10)),
        "qk_head_dim": draw.choice((4, 6)),
        "qk_pos_emb_head_dim": draw.choice((2, 4)),
        "v_head_dim": draw.choice((4, 6)),
        "position_embedding_type": "rope",
    }


def grouped(draw: random.Random, ranks: Degrees, heads: int) -> dict[str, Any]:
    """Grouped queries, or as many key/value heads as query heads."""
    groups = [n for n in range(1, heads + 1) if heads % n == 0 and (n % ranks.tensor == 0 or ranks.tensor % n == 0)]
    number = draw.choice(groups)
    return {"add_qkv_bias": draw.random() < 0.3} | (
        {"group_query_attention": True, "num_query_groups": number} if number < heads else {}
    )


def experts(draw: random.Random, found: dict[str, Any], ranks: Degrees) -> dict[str, Any]:
    """A mixture of experts."""
    if ranks.inside > 1 or draw.random() < 0.7:
        found["disable_bias_linear"] = True
    number = ranks.expert * draw.choice((2, 3))
    made: dict[str, Any] = {
        "num_experts": number,
        "moe_router_topk": draw.choice((1, 2)),
        "moe_router_pre_softmax": True,
        "moe_ffn_hidden_size": ranks.inside * draw.choice((4, 10)),
        "moe_layer_freq": str(draw.choice((1, 1, 2))),
        "moe_token_dispatcher_type": draw.choice(("allgather", "alltoall")),
    }
    if found["disable_bias_linear"]:
        made["moe_grouped_gemm"] = not found.get("squared_relu") and draw.random() < 0.5
        if draw.random() < 0.5:
            made["moe_shared_expert_intermediate_size"] = ranks.tensor * draw.choice((6, 10))
            made["moe_shared_expert_gate"] = draw.random() < 0.5
    if draw.random() < 0.3:
        made |= {"moe_router_score_function": "sigmoid", "moe_router_enable_expert_bias": True}
    return made


@pytest.mark.parametrize("number", range(DRAWS))
@pytest.mark.parametrize("kind", KINDS)
def test_parameters(kind: str, number: int) -> None:
    draw = random.Random(f"{kind} {number}")
    ranks = degrees(draw, kind.endswith("experts"))
    given = model(draw, kind, ranks)
    ours = [int(stage.states.parameters) for stage in weighed(given, ranks).stages]
    ours[-1] += unread_table(given, ranks)
    assert ours == [of_stage(given, ranks, stage, draw) for stage in range(ranks.pipeline)], " ".join(words(given))


def unread_table(given: dict[str, Any], ranks: Degrees) -> int:
    """megatron-core gives the output layer a table of its own on a last stage without the first, tied or not. With
    multi-token prediction the stage has a copy of the embedding too, which a tied output layer reads instead
    (megatron/core/models/common/language_module, shared_embedding_or_output_weight): its own is never read.
    """
    tied = not given["untie_embeddings_and_output_weights"]
    if not (tied and given.get("mtp_num_layers") and ranks.pipeline > 1):
        return 0
    return padded_vocabulary(given, ranks) // ranks.tensor * int(given["hidden_size"])


def of_stage(given: dict[str, Any], ranks: Degrees, stage: int, draw: random.Random) -> int:
    """Parameters of any rank of a pipeline stage, all its virtual stages together."""
    inside = ranks.ranks // ranks.pipeline
    with rank(ranks, stage * inside + draw.randrange(inside)):
        return sum(p.numel() for one in chunks(given, ranks) for p in one.parameters())
