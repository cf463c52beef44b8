"""Attention over blocks that an indexer chooses, and attention with a gate per head: weights and FLOPs by hand."""

from __future__ import annotations

import pytest

from weighbridge.estimate.cache import cache
from weighbridge.estimate.compute import FlopReport, forward_pass
from weighbridge.estimate.parameters import params
from weighbridge.models import Model
from weighbridge.nn import (
    BlockSparseAttention,
    CausalLM,
    DecoderLayer,
    Embedding,
    GroupedQueryAttention,
    Head,
    HeadGatedAttention,
    Module,
    Repeat,
    RMSNorm,
)
from weighbridge.nn.block_sparse_attention import chosen_pairs
from weighbridge.passes import Pass, Phase

HIDDEN, HEADS, GROUPS, DIM = 24, 4, 2, 6
SIZES = (HIDDEN, HEADS, GROUPS, DIM)
PLAIN = 2 * HIDDEN * HEADS * DIM + 2 * HIDDEN * GROUPS * DIM


def model(mixer: Module) -> Model:
    layer = DecoderLayer(HIDDEN, mixer)
    return Model.of(CausalLM(Embedding(10, HIDDEN), (Repeat(layer, 1),), RMSNorm(HIDDEN), Head(HIDDEN, 10)))


def weights(mixer: Module) -> int:
    """Parameters of a mixer."""
    return params(model(mixer)).total - 2 * 10 * HIDDEN - 2 * HIDDEN


def forward(mixer: Module, tokens: int, convention: str = "exact", half: str = "forward") -> int:
    """Work of a mixer."""
    bare = 2 * tokens * HIDDEN * 10 * (1 if half == "forward" else 2)
    found: int = getattr(FlopReport(model(mixer), forward_pass(tokens), convention), half)
    return found - bare


def sparse(block: int = 4, blocks: int = 2) -> BlockSparseAttention:
    return BlockSparseAttention(*SIZES, index_heads=2, index_head_dim=5, block=block, blocks=blocks)


@pytest.mark.parametrize("block", [1, 3, 4])
@pytest.mark.parametrize("blocks", [1, 2, 9])
@pytest.mark.parametrize("past", [0, 5, 40])
def test_a_query_sees_its_own_block_and_the_best_before_it(block: int, blocks: int, past: int) -> None:
    def seen(place: int) -> int:
        own = place % block + 1
        return own + block * min(place // block, blocks - 1)

    for tokens in (1, 2, 7, 23):
        run = Pass(sequence=tokens, past=past, phase=Phase.PREFILL)
        assert chosen_pairs(run, block, blocks) == sum(seen(place) for place in range(past, past + tokens))


def test_without_a_mask_all_pairs_count() -> None:
    assert chosen_pairs(Pass(sequence=7, causal=False), 2, 1) == 49


def test_an_indexer_has_projections_and_norms_of_its_own() -> None:
    assert weights(sparse()) == PLAIN + HIDDEN * (2 * 5 + 5) + 2 * 5


def test_an_indexer_works_forward_only() -> None:
    tokens, own = 16, HIDDEN * (2 * 5 + 5)
    seen = sum(p % 4 + 1 + 4 * min(p // 4, 1) for p in range(tokens))
    main = PLAIN * tokens + 2 * seen * HEADS * DIM
    indexing = own * tokens + 2 * 5 * tokens * (tokens + 1) // 2
    assert forward(sparse(), tokens) == 2 * (main + indexing)
    assert forward(sparse(), tokens, half="backward") == 4 * main


def test_pytorch_multiplies_pairs_that_were_not_chosen() -> None:
    whole = forward(GroupedQueryAttention(*SIZES), 16, "torch")
    assert forward(sparse(), 16, "torch") == whole + 2 * (HIDDEN * 15 * 16 + 2 * 5 * 16 * 16)


def test_the_cache_holds_the_keys_of_the_indexer() -> None:
    plain, own = (cache(model(m), 9, 2, "bf16").bytes for m in (GroupedQueryAttention(*SIZES), sparse()))
    assert own == plain + 2 * 2 * 9 * 5


def test_a_gate_per_head_is_one_more_projection() -> None:
    gated = HeadGatedAttention(*SIZES)
    assert weights(gated) == PLAIN + HIDDEN * HEADS
    assert forward(gated, 8) == forward(GroupedQueryAttention(*SIZES), 8) + 2 * 8 * HIDDEN * HEADS


def test_heads_of_the_indexer_choose_for_equal_shares() -> None:
    uneven = BlockSparseAttention(*SIZES, index_heads=3)
    assert next(iter(uneven.problems()))[0] == "num_heads"
