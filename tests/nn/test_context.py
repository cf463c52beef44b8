"""What attention holds besides where context parallel ranks share a sequence, by how keys and values come together."""

from __future__ import annotations

from dataclasses import replace

import pytest

import weighbridge as wb
from weighbridge.arithmetic import total
from weighbridge.estimate.training import Training
from weighbridge.tape import Operation, Use

RING = wb.Plan.under(gpus=8, context=8, sequence=32768)
TOKENS, Q, K = 32768 // 8, 4096, 1024
"""Of a rank: positions, and elements of a position's queries, and of its keys or values (llama-3.1-8b)."""
OUT, KEYS = 2 * TOKENS * Q, 2 * TOKENS * K
SUMS = 4 * TOKENS * 32
WIDE = 2 * OUT
"""The gradient of queries in fp32."""


def attention(plan: wb.Plan) -> tuple[Training, Operation]:
    training = wb.train("llama-3.1-8b", plan, "8xH100")
    return training, next(o for o in training.tape.operations if o.name == "attention")


def besides(plan: wb.Plan) -> tuple[object, object]:
    training, found = attention(plan)
    return tuple(total(training.size(tensor) for tensor in some) for some in (found.scratch, found.scratch_backward))  # type: ignore[return-value]


def under(**kernels: object) -> wb.Plan:
    return replace(RING, kernels=replace(RING.kernels, **kernels))  # type: ignore[arg-type]


def test_a_ring_receives_in_as_many_buffers_as_it_has_ranks() -> None:
    """AttnFuncWithCPAndKVP2P: p2p_comm_buffers and out_per_step are lists of as many as ranks; two buffers backward."""
    assert besides(RING) == (8 * (2 * KEYS + OUT + SUMS), WIDE + 3 * 2 * KEYS + OUT + 2 * KEYS)


def test_gathering_holds_all_keys_and_values_and_their_gradients_twice() -> None:
    forward = 8 * 2 * KEYS + 2 * OUT
    assert besides(under(gathers_keys=True)) == (forward, OUT + 3 * 8 * 2 * KEYS + 8 * KEYS)


def test_exchanging_heads_holds_nothing_that_grows_with_ranks() -> None:
    given = OUT + 2 * KEYS
    assert besides(under(exchanges_heads=True)) == (given + 2 * OUT, OUT + 2 * given)


def test_rings_of_ranks_that_exchange_heads_are_shorter() -> None:
    given = OUT + 2 * KEYS
    found = besides(under(exchanges_heads=True, exchanging_ranks=2))
    ring = 4 * (2 * KEYS + OUT + SUMS)
    assert found == (ring + given + 2 * OUT, WIDE + 3 * 2 * KEYS + OUT + 2 * KEYS + OUT + 2 * given)


def test_one_rank_holds_nothing_besides() -> None:
    assert besides(replace(RING, gpus=8, context=1)) == (0, 8 * WIDE)


def test_torch_gathers_as_before() -> None:
    plan = wb.Plan.under("torchtitan", gpus=8, context=8, sequence=32768)
    assert besides(plan) == (8 * 2 * KEYS, WIDE + 2 * 8 * 2 * KEYS)


@pytest.mark.parametrize("kernels", [{}, {"gathers_keys": True}, {"exchanges_heads": True}])
def test_what_stays_is_the_same(kernels: dict[str, bool]) -> None:
    training, found = attention(under(**kernels))
    kept = total(training.size(tensor) for tensor in {id(t): t for t in found.keeps}.values())
    assert kept == 2 * OUT + 2 * KEYS + SUMS
    assert {tensor.use for tensor in found.scratch} <= {Use.COMMUNICATION, Use.WORKSPACE}
