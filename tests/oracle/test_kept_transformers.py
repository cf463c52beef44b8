"""What transformers' models keep for the backward pass, beside PyTorch's saved-tensor hooks: the same bytes, in tensors
of the same sizes. Weights' own storages are left out.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from typing import Any

import pytest

pytest.importorskip("torch", reason="the oracle needs torch and transformers: install both")
pytest.importorskip("transformers", reason="the oracle needs torch and transformers: install both")

from tests.oracle.kept import kept_by_transformers, kept_by_weighbridge, unlike

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


def compare(kind: str, attention: str, seed: str, batch: int | None = None, again: bool = False) -> None:
    """Compare one random configuration."""
    draw = random.Random(seed)
    fields = drawn(kind, draw)
    rows, sequence = batch or draw.choice((2, 3)), draw.choice((7, 16, 24))
    mine = kept_by_weighbridge(kind, fields, attention, rows, sequence, again)
    theirs = kept_by_transformers(kind, fields, attention, rows, sequence, again)
    if again and attention == "eager":
        mine -= Counter([BF16 * rows * sequence**2])  # the mask is an argument: the checkpoint refers to it, unsaved
    if rows == 1:
        mine = with_padded_labels(mine, sequence)
        if attention == "eager" and not again:
            mine = with_heads_seen_as_many(mine, fields, sequence)
    found = unlike(mine, theirs)
    assert not found, f"bytes: (weighbridge, transformers) {found} for {fields}, {rows} x {sequence}"


def with_padded_labels(mine: Counter[int], sequence: int) -> Counter[int]:
    """Labels are padded by one position and shifted. Of several sequences the shifted ones are a copy; of one alone
    they are a view, which keeps the padded ones (transformers, loss/loss_utils.py, ForCausalLMLoss).
    """
    return mine - Counter([INT64 * sequence]) + Counter([INT64 * (sequence + 1)])


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
