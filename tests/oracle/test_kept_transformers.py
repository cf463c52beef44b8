"""What transformers' models keep for the backward pass, beside PyTorch's saved-tensor hooks: the same bytes, in tensors
of the same sizes. Weights' own storages are left out.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from typing import Any

import pytest

from weighbridge.estimate.memory.activations import in_common
from weighbridge.estimate.training import train
from weighbridge.formats.loading import from_raw
from weighbridge.parallel.plan import Plan
from weighbridge.parallel.recompute import Method, Recompute
from weighbridge.traced import plain

torch = pytest.importorskip("torch", reason="the oracle needs torch and transformers: install both")
transformers = pytest.importorskip("transformers", reason="the oracle needs torch and transformers: install both")

pytestmark = pytest.mark.oracle

DRAWS = int(os.environ.get("WEIGHBRIDGE_KEPT_DRAWS", "8"))
KINDS = ("llama", "qwen3", "mixtral")
ATTENTION = ("eager", "sdpa")
BF16, INT64 = 2, 8


def drawn(kind: str, draw: random.Random) -> dict[str, Any]:
    """Fields of a small configuration."""
    groups = draw.choice((1, 2, 3))
    heads = groups * draw.choice((1, 2, 3))
    fields = {
        "hidden_size": heads * draw.choice((8, 16)),
        "num_hidden_layers": draw.choice((1, 2, 3)),
        "num_attention_heads": heads,
        "num_key_value_heads": groups,
        "head_dim": draw.choice((8, 16)),
        "intermediate_size": draw.choice((40, 56, 96)),  # grouped multiplies want rows of 16 bytes
        "vocab_size": draw.choice((96, 128, 131)),
        "max_position_embeddings": 64,
        "tie_word_embeddings": draw.random() < 0.5,
        "pad_token_id": None,
        "bos_token_id": None,
        "eos_token_id": None,
    }
    if kind == "mixtral":
        fields |= {"num_local_experts": draw.choice((2, 4, 5)), "num_experts_per_tok": draw.choice((1, 2))}
    return fields


def real(kind: str, fields: dict[str, Any], attention: str, batch: int, sequence: int, again: bool) -> Counter[int]:
    """How many tensors of so many bytes transformers keeps, by every storage once."""
    torch.manual_seed(0)
    config = transformers.AutoConfig.for_model(kind, **fields)
    model = transformers.AutoModelForCausalLM.from_config(config, attn_implementation=attention, dtype=torch.bfloat16)
    model.train()
    if again:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    own = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    kept: dict[int, Any] = {}

    def pack(tensor: Any) -> Any:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage  # which holds it, so that no other takes its place
        return tensor

    tokens = torch.randint(0, fields["vocab_size"], (batch, sequence))
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        loss = model(input_ids=tokens, labels=tokens, use_cache=False).loss
    assert loss.requires_grad
    return Counter(storage.nbytes() for storage in kept.values())


def ours(kind: str, fields: dict[str, Any], attention: str, batch: int, sequence: int, again: bool) -> Counter[int]:
    """The same as weighbridge has it."""
    recompute = Recompute(method=Method.UNIFORM) if again else Recompute()
    plan = Plan.under(f"hf-{attention}", micro_batch=batch, sequence=sequence, recompute=recompute)
    training = train(from_raw(kind, {"model_type": kind, **fields}, {}, "draw"), plan)
    found: Counter[int] = Counter()
    for run in training.stages[0].runs[0]:
        for tensor, times in run.weighed.replay.kept:
            found[bytes_here(training, tensor)] += int(plain(times)) * run.count
    for tensor in in_common(training.stages[0].runs[0]):
        found[bytes_here(training, tensor)] += 1
    return found


def bytes_here(training: Any, tensor: Any) -> int:
    """A tensor's bytes on a CPU, whose layer normalisation keeps its statistics in the type of its input; a GPU's keeps
    them in fp32 (aten/src/ATen/native/layer_norm.cpp; aten/src/ATen/native/cuda/layer_norm_kernel.cu).
    """
    size = int(plain(training.size(tensor)))
    return size // 2 if tensor.name in ("mean", "deviation") else size


def compare(kind: str, attention: str, seed: str, batch: int | None = None, again: bool = False) -> None:
    """Compare one random configuration."""
    draw = random.Random(seed)
    fields = drawn(kind, draw)
    rows, sequence = batch or draw.choice((2, 3)), draw.choice((7, 16, 24))
    mine = ours(kind, fields, attention, rows, sequence, again)
    theirs = real(kind, fields, attention, rows, sequence, again)
    if kind == "mixtral" and not again:
        mine = with_joined_halves(mine, fields, rows * sequence)
    if again and attention == "eager":
        mine -= Counter([BF16 * rows * sequence**2])  # the mask is an argument: the checkpoint refers to it, unsaved
    if rows == 1:
        mine = with_padded_labels(mine, sequence)
        if attention == "eager" and not again:
            mine = with_heads_seen_as_many(mine, fields, sequence)
    unlike = {size: (mine[size], theirs[size]) for size in mine | theirs if mine[size] != theirs[size]}
    assert not unlike, f"bytes: (weighbridge, transformers) {unlike} for {fields}, {rows} x {sequence}"


def with_padded_labels(mine: Counter[int], sequence: int) -> Counter[int]:
    """Labels are padded by one position and shifted. Of several sequences the shifted ones are a copy; of one alone
    they are a view, which keeps the padded ones (transformers, loss/loss_utils.py, ForCausalLMLoss).
    """
    return mine - Counter([INT64 * sequence]) + Counter([INT64 * (sequence + 1)])


def with_joined_halves(mine: Counter[int], fields: dict[str, Any], tokens: int) -> Counter[int]:
    """Gate and up of experts are one projection in transformers and two in weighbridge: one tensor for two."""
    half = BF16 * tokens * fields["num_experts_per_tok"] * fields["intermediate_size"]
    layers = fields["num_hidden_layers"]
    return mine - Counter({half: 2 * layers}) + Counter({2 * half: layers})


def with_heads_seen_as_many(mine: Counter[int], fields: dict[str, Any], sequence: int) -> Counter[int]:
    """One key/value head of one sequence is not copied for every query head, only seen as many: its reshape is a view
    (transformers, models/llama/modeling_llama.py, repeat_kv).
    """
    heads, both = fields["num_attention_heads"], 2 * fields["num_hidden_layers"]
    if fields["num_key_value_heads"] > 1 or heads == 1:
        return mine
    one = BF16 * sequence * fields["head_dim"]
    return mine - Counter({one * heads: both}) + Counter({one: both})


@pytest.mark.parametrize("number", range(DRAWS))
@pytest.mark.parametrize("attention", ATTENTION)
@pytest.mark.parametrize("kind", KINDS)
def test_kept(kind: str, attention: str, number: int) -> None:
    compare(kind, attention, f"{kind} {attention} {number}")


@pytest.mark.parametrize("number", range(DRAWS))
@pytest.mark.parametrize("attention", ATTENTION)
@pytest.mark.parametrize("kind", KINDS)
def test_of_one_sequence_the_padded_labels_are_kept(kind: str, attention: str, number: int) -> None:
    compare(kind, attention, f"one {kind} {attention} {number}", batch=1)


@pytest.mark.parametrize("number", range(DRAWS))
@pytest.mark.parametrize("attention", ATTENTION)
@pytest.mark.parametrize("kind", KINDS)
def test_checkpointed_layers_keep_their_input(kind: str, attention: str, number: int) -> None:
    compare(kind, attention, f"again {kind} {attention} {number}", again=True)
