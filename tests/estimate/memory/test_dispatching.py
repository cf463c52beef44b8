"""What Megatron-Core's flex dispatcher holds: tokens once per rank, and libraries' buffers outside the allocator."""

from __future__ import annotations

from dataclasses import replace

import pytest

import weighbridge as wb
from weighbridge.estimate.memory.dispatching import Sending, deepep, dispatching, hybridep
from weighbridge.estimate.training import Training
from weighbridge.kernels import Backend, Exchange
from weighbridge.parallel.sharding import groups_reached
from weighbridge.replay import Direction
from weighbridge.tape import Use

BASE = wb.Plan.under(gpus=64, expert=32, pipeline=2, micro_batch=1, global_batch=64, sequence=4096)
TOKENS, HIDDEN, CHOSEN = 4096, 7168, 8
MIB = 2**20


def under(exchange: Exchange, backend: Backend = Backend.DEEPEP, plan: wb.Plan = BASE) -> Training:
    routing = replace(plan.kernels.routing, exchange=exchange, backend=backend, fused_permutation=True)
    return wb.train("deepseek-v3", replace(plan, kernels=replace(plan.kernels, routing=routing)), "64xH100")


def sizes(training: Training) -> dict[str, int]:
    made = (tensor for operation in training.parts.kinds[-1].operations for tensor in operation.makes)
    return {tensor.name: int(training.size(tensor)) for tensor in made}


def test_a_token_goes_once_to_every_rank_that_has_experts_of_its() -> None:
    """Of 256 experts, 8 on each of 32 ranks: all 8 choices miss a rank with chance (248 over 8) / (256 over 8)."""
    missed = 1.0
    for drawn in range(8):
        missed *= (248 - drawn) / (256 - drawn)
    ranks = 32 * (1 - missed)
    assert groups_reached(256, 8, BASE.sharding.expert) == pytest.approx(ranks) == pytest.approx(7.267, abs=1e-3)
    assert groups_reached(256, 8, 1) == 1
    assert groups_reached(256, 8, 256) == pytest.approx(8)
    flex, all_to_all = sizes(under(Exchange.FLEX)), sizes(under(Exchange.ALL_TO_ALL))
    assert flex["received"] == pytest.approx(2 * TOKENS * HIDDEN * ranks, rel=1e-4)
    assert all_to_all["received"] == 2 * TOKENS * HIDDEN * CHOSEN
    assert flex["routed"] == all_to_all["routed"]
    assert "permuted" not in flex


def test_hybridep_receives_outside_the_allocator() -> None:
    deep, hybrid = under(Exchange.FLEX), under(Exchange.FLEX, Backend.HYBRIDEP)
    received = next(t for o in hybrid.parts.kinds[-1].operations for t in o.makes if t.name == "received")
    assert received.use is Use.OUTSIDE
    standing = hybrid.weigh(hybrid.parts.kinds[-1]).replay.forward
    assert not any(tensor is received for moment in standing for tensor, _ in moment.added)
    highest = [t.weigh(t.parts.kinds[-1]).highest[Direction.FORWARD][0] for t in (hybrid, deep)]
    assert highest[0] < highest[1] - 2 * TOKENS * HIDDEN * 5


def test_what_stays_is_about_the_same() -> None:
    kept = [
        under(exchange).weigh(under(exchange).parts.kinds[-1]).kept for exchange in (Exchange.FLEX, Exchange.ALL_TO_ALL)
    ]
    assert kept[0] == pytest.approx(kept[1], rel=0.01)


def test_deepep_takes_what_its_size_hints_say() -> None:
    token = 2 * HIDDEN + 8 + 128 * (8 + 4 + 4)
    inside = Sending(TOKENS, HIDDEN, 256, 8, 8)
    assert deepep(inside) == 32 * MIB + 10 * 8 * (256 * token + 5 * 4)
    far = Sending(TOKENS, HIDDEN, 256, 64, 8)
    assert deepep(far) == 32 * MIB + 10 * 8 * (288 * token + 19 * 4) + 2 * 10 * 8 * (128 * (token + 16) + 18 * 4)


def test_hybridep_has_room_for_all_tokens_of_all_ranks() -> None:
    inside = Sending(TOKENS, HIDDEN, 256, 32, 32)
    assert hybridep(inside) == 32 * TOKENS * (2 * HIDDEN + 4 * 256 + 4 * 56)
    apart = Sending(TOKENS, HIDDEN, 256, 32, 8)
    received = 32 * TOKENS * (2 * HIDDEN + 4 * 64 + 4 * 56)
    own = TOKENS * (2 * HIDDEN + 4 * 56 + 4 * 256)
    assert hybridep(apart) == received + own + 3 * TOKENS * (3 * (2 * HIDDEN + 4 * 64) + 4 * 56)


def test_they_stand_outside_the_allocator_of_every_stage() -> None:
    plain, flex = under(Exchange.ALL_TO_ALL), under(Exchange.FLEX, Backend.HYBRIDEP)
    assert flex.cluster is not None
    buffers = dispatching(flex.tape, flex.plan, flex.cluster)
    assert buffers == hybridep(Sending(TOKENS, HIDDEN, 256, 32, 8)) > 2 * 2**30
    assert dispatching(plain.tape, plain.plan, flex.cluster) == 0
    connections = [stage.outside - buffers for stage in flex.stages]
    assert 0 < connections[0] < plain.stages[0].outside
    dense = wb.train("llama-3.1-8b", replace(flex.plan, expert=1), "64xH100")
    assert dispatching(dense.tape, dense.plan, flex.cluster) == 0
