"""What random Megatron models keep for the backward pass on every stage, beside PyTorch's saved-tensor hooks around
megatron-core's local layers: the same bytes, in tensors of the same sizes.

Not covered: balancing losses and expert biases (a handful of small tensors), multi-token prediction, and layouts where
tensor parallel ranks outnumber query groups (whole queries, keys and values are gathered then).
"""

from __future__ import annotations

import os
import random
from collections import Counter
from typing import Any, NamedTuple

import pytest

from tests.oracle.megatron_models import BASE, Degrees, chunk, rank, torch, weighed, words
from weighbridge.estimate.memory.activations import in_common
from weighbridge.estimate.training import Training
from weighbridge.traced import plain

pytestmark = [pytest.mark.oracle, pytest.mark.filterwarnings("ignore")]  # megatron-core warns at every turn

DRAWS = int(os.environ.get("WEIGHBRIDGE_MEGATRON_DRAWS", "40"))


class Row(NamedTuple):
    """A tensor that is kept."""

    size: int
    shape: tuple[int, ...]
    name: str = ""


Kept = list[Row]


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
        "vocab_size": 96,  # no multiple of 7 or 11, by which what experts keep is told apart
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
            same(of_chunk(training, stage, virtual), real(given, ranks, stage, virtual), given)


@pytest.mark.parametrize("number", range(DRAWS))
def test_experts_keep(number: int) -> None:
    draw = random.Random(f"experts {number}")
    ranks = draw.choice(SPARSE)
    given = sparse(draw, ranks)
    training = weighed(given, ranks)
    for stage in range(ranks.pipeline):
        for virtual in range(ranks.virtual):
            ours = by_masks(of_chunk(training, stage, virtual), given, ranks)
            theirs = real(given, ranks, stage, virtual, "cpu")
            assert sum(row.size for row in ours) == sum(row.size for row in theirs), " ".join(words(given))
            same(outside_experts(ours), outside_experts(theirs), given)


def same(ours: Kept, theirs: Kept, given: dict[str, Any]) -> None:
    """See that as many tensors of every size are kept."""
    mine, real_ones = Counter(row.size for row in ours), Counter(row.size for row in theirs)
    unlike = {size: (mine[size], real_ones[size]) for size in mine | real_ones if mine[size] != real_ones[size]}
    shapes = {size: [row.shape for row in theirs if row.size == size] for size in unlike}
    assert not unlike, f"bytes: (weighbridge, megatron-core) {unlike}; {shapes} for {' '.join(words(given))}"


def of_chunk(training: Training, stage: int, virtual: int) -> Kept:
    """What one micro-batch keeps in a chunk, as weighbridge has it."""
    runs = training.stages[stage].runs[virtual]
    found = [(tensor, int(plain(n)) * run.count) for run in runs for tensor, n in run.weighed.replay.kept]
    found += [(tensor, 1) for tensor in in_common(runs)]
    sharding = training.plan.sharding
    rows: Kept = []
    for tensor, times in found:
        shape = tuple(int(plain(sharding.local(axis))) for axis in tensor.axes)
        rows += [Row(int(plain(training.size(tensor))), shape, tensor.name)] * times
    return [row for row in rows if row.size]


def real(given: dict[str, Any], ranks: Degrees, stage: int, virtual: int, device: str = "meta") -> Kept:
    """What megatron-core keeps of one forward pass, weights left out: every storage once."""
    batch, positions = given["micro_batch_size"], given["seq_length"] // ranks.context
    with rank(ranks, stage * ranks.ranks // ranks.pipeline, device):
        model = chunk(given, ranks, virtual)
        own = {parameter.untyped_storage()._cdata for parameter in model.parameters()}
        kept: dict[int, Any] = {}

        def pack(tensor: Any) -> Any:
            storage = tensor.untyped_storage()
            if storage._cdata not in own and storage.nbytes():
                kept[storage._cdata] = (storage, tuple(tensor.shape))  # which holds it, so that none has its place
            return tensor

        tokens, numbers, labels = (torch.zeros(batch, positions, dtype=torch.long) for _ in range(3))
        if not model.pre_process:
            rows = positions // (ranks.tensor if given["sequence_parallel"] else 1)
            came = torch.zeros(rows, batch, given["hidden_size"], dtype=torch.bfloat16, requires_grad=True)
            model.set_input_tensor(came)
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            loss = model(tokens, numbers, None, labels=labels if model.post_process else None)
        assert loss.requires_grad
        return [Row(storage.nbytes(), shape) for storage, shape in kept.values()]


def by_masks(ours: Kept, given: dict[str, Any], ranks: Degrees) -> Kept:
    """megatron-core 0.16.1 finds the rows of experts by masks: it keeps the mask and the weights of all experts,
    transposed. Later versions keep an index for every row (megatron/core/transformer/moe/moe_utils.py, permute), and
    so does weighbridge.
    """
    found = [row for row in ours if row.name != "chosen experts, scattered"]
    tokens = given["micro_batch_size"] * given["seq_length"] // ranks.context // ranks.tensor
    if given["moe_token_dispatcher_type"] == "allgather":
        tokens *= ranks.inside
    flags = tokens * given["num_experts"]
    width = 4 if given["moe_router_dtype"] else 2
    return found + [Row(flags * size, ()) for _ in range(len(ours) - len(found)) for size in (1, width)]


def outside_experts(kept: Kept) -> Kept:
    """What stands outside experts. Local layers run one expert after another, and keep in pieces what grouped
    multiplies keep whole.
    """
    return [row for row in kept if not (row.shape and (row.shape[-1] % 7 == 0 or row.shape[-1] % 11 == 0))]
