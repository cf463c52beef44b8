"""Queues by hand: what a user waits for alone and beside others, in which order passes run, and that nobody is lost."""

from __future__ import annotations

from dataclasses import astuple, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.estimate.inference.queueing import GOLDEN, Load, Queue, Waits

DECODE, PREFILL = 0.01, 0.001
"""Seconds of a pass of tokens, and of each token of a prompt."""

ALONE = Load(users=1, prompt=100, output=11, rounds=1)


def run(load: Load, **changes: Any) -> Waits:
    """Passes of tokens take 10 ms, those of prompts a millisecond for each token, and 10 ms more beside others."""
    queue = Queue(
        replace(load, **changes),
        decode=lambda running: DECODE,
        mixed=lambda read, beside: PREFILL * read + (DECODE if beside else 0.0),
    )
    return queue.run()


def test_a_user_alone_waits_for_a_prompt_and_then_for_each_token() -> None:
    found = run(ALONE)
    assert found.ttft == pytest.approx(0.1)
    assert found.tpot == pytest.approx(DECODE)
    assert found.seconds == pytest.approx(0.1 + 10 * DECODE)
    assert (found.made, found.read) == (11, 100)


def test_the_way_and_the_text_come_before_the_first_token_only() -> None:
    found = run(ALONE, way=0.02, intake=1e-5)
    assert found.ttft == pytest.approx(0.1 + 0.02 + 0.001)
    assert found.tpot == pytest.approx(DECODE)


def test_a_prompt_that_is_larger_than_a_pass_takes_several() -> None:
    whole, parts = run(ALONE), run(ALONE, budget=30)
    assert parts.ttft == pytest.approx(whole.ttft)
    assert run(ALONE, budget=30, splits=False).ttft == pytest.approx(whole.ttft)


class Slowly(Queue):
    """Every pass by itself."""

    def _whole(self, room: int, beside: int) -> int:
        return 0


@given(
    users=st.integers(1, 9),
    prompt=st.integers(1, 300),
    output=st.integers(1, 40),
    budget=st.integers(1, 120),
    shortest=st.sampled_from((0.3, 1.0)),
    mixes=st.booleans(),
    poll=st.sampled_from((1, 7)),
    ahead=st.integers(0, 1),
)
def test_passes_of_one_long_prompt_in_one_stride_are_those_passes(**load: Any) -> None:
    asked = Load(**load, rounds=3, tokens=1.5, intake=1e-4, way=0.003)
    of_each = [
        kind(asked, lambda running: DECODE * running, lambda read, beside: PREFILL * read + DECODE * beside).run()
        for kind in (Queue, Slowly)
    ]
    assert astuple(of_each[0]) == pytest.approx(astuple(of_each[1]))


def test_prompts_that_come_at_once_share_a_pass_or_follow_one_another() -> None:
    two = replace(ALONE, users=2, mixes=False)
    assert run(two).ttft == pytest.approx(0.2)
    # the first prompt's first token waits for its own pass alone; the second for both
    one_by_one = run(two, budget=100)
    assert one_by_one.ttft == pytest.approx((0.1 + 0.2) / 2)
    # and the first user's tokens wait while the second prompt runs
    assert one_by_one.tpot == pytest.approx((DECODE + (10 * DECODE + 0.1) / 10) / 2)


def test_an_engine_that_mixes_makes_a_token_meanwhile() -> None:
    found = run(ALONE, users=2, budget=100, output=1001, shortest=0.999)
    apart = run(ALONE, users=2, budget=100, output=1001, shortest=0.999, mixes=False)
    assert found.seconds <= apart.seconds + 3 * DECODE
    assert found.made == apart.made


@pytest.mark.parametrize("mixes", [True, False])
@pytest.mark.parametrize("splits", [True, False])
@pytest.mark.parametrize("slots", [None, 3])
def test_everybody_is_served(mixes: bool, splits: bool, slots: int | None) -> None:
    load = Load(7, 300, 50, shortest=0.5, rounds=4, budget=512, mixes=mixes, splits=splits, slots=slots, poll=3)
    queue = Queue(load, lambda running: DECODE, lambda read, beside: PREFILL * read)
    found = queue.run()
    assert len(queue.ended) == queue.requests == 28
    assert [len(queue.waiting), len(queue.running), len(queue.outside)] == [0, 0, 0]
    outputs = [round(50 * (0.5 + 0.5 * (i * (GOLDEN**2 * 7) % 1.0))) for i in range(1, 29)]
    assert found.made == sum(outputs)
    assert found.ttft > 0
    assert found.tpot >= DECODE * 0.9


def test_fewer_slots_and_rarer_looks_make_users_wait() -> None:
    load = Load(8, 100, 100, shortest=0.8, mixes=False)
    assert run(load, slots=2).ttft > run(load).ttft
    assert run(load, poll=30).ttft > run(load).ttft + 5 * DECODE
    assert run(load, ahead=1).ttft > run(load).ttft


def test_guessed_tokens_come_together() -> None:
    assert run(ALONE, output=101, tokens=2.0).tpot == pytest.approx(DECODE / 2)


def test_users_of_equal_lengths_drift_apart_where_passes_are_shared() -> None:
    load = Load(8, 100, 100, budget=200)
    assert load.drifts
    assert not replace(load, budget=800).drifts
    assert not replace(load, shortest=0.8).drifts
    assert not replace(load, splits=False).drifts
    assert run(load).ttft < run(load, mixes=False).ttft
