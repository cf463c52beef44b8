"""A step as pictures show it: every stage's passes and messages, in order, as long as they take."""

from __future__ import annotations

import itertools

import pytest

from tests.estimate.time.steps import LONG, ONE, PIPED, STEPS, ZERO_BUBBLE
from weighbridge.estimate.time.rows import Doing, StageRow, rows
from weighbridge.estimate.time.step import StepTime
from weighbridge.parallel.orders import Action

TIMES = {name: training.time for name, training in STEPS.items()}


def timed(name: str) -> tuple[StepTime, tuple[StageRow, ...]]:
    time = TIMES[name]
    assert time is not None
    return time, rows(time)


@pytest.mark.parametrize("name", STEPS)
def test_the_stage_that_is_done_last_spans_the_step(name: str) -> None:
    time, lanes = timed(name)
    last = lanes[time.last]
    assert last.end - last.start + time.left_out == pytest.approx(time.step_seconds)
    assert min(lane.start for lane in lanes) == pytest.approx(0)


@pytest.mark.parametrize("name", STEPS)
def test_a_stage_does_one_thing_at_a_time(name: str) -> None:
    _, lanes = timed(name)
    for lane in lanes:
        assert all(one.end > one.start for one in (*lane.passes, *lane.sent))
        for before, after in itertools.pairwise(lane.passes):
            assert after.start >= before.end - 1e-12


@pytest.mark.parametrize("name", STEPS)
def test_every_micro_batch_passes_as_long_as_its_chunk_takes(name: str) -> None:
    time, lanes = timed(name)
    for lane, stage, ran in zip(lanes, time.stages, time.ran.ranks, strict=True):
        passes = [one for one in lane.passes if one.step is not None]
        assert [one.step for one in passes] == [own.step for own in ran]
        for one in passes:
            assert one.step is not None
            found = stage.chunks[one.step.chunk].durations.of(Action(one.doing.value))
            assert one.end - one.start == pytest.approx(found)


@pytest.mark.parametrize("name", ["piped", "long", "zero bubble", "gpipe"])
def test_a_pass_waits_for_the_message_it_needs(name: str) -> None:
    time, lanes = timed(name)
    arrived = {(m.step.action, m.place, m.step.micro_batch): m.end for la in lanes for m in la.sent if m.step}
    assert arrived
    seen = 0
    for one in (one for lane in lanes for one in lane.passes):
        if one.doing is Doing.FORWARD and one.step is not None:
            needs = arrived.get((Action.FORWARD, one.place - 1, one.step.micro_batch))
            seen += needs is not None
            assert needs is None or one.start >= needs - 1e-12
    assert seen
    assert all(m.end - m.start == pytest.approx(time.message) for lane in lanes for m in lane.sent)


def test_only_what_there_is_is_drawn() -> None:
    def doings(name: str) -> set[Doing]:
        return {one.doing for lane in timed(name)[1] for one in (*lane.passes, *lane.sent)}

    assert doings("one") == {Doing.FORWARD, Doing.BACKWARD, Doing.OPTIMIZER}
    assert doings("piped") == {Doing.FORWARD, Doing.BACKWARD, Doing.OPTIMIZER, Doing.SEND}
    assert {Doing.GATHER, Doing.REDUCE} <= doings("long")
    assert {Doing.BACKWARD_INPUT, Doing.BACKWARD_WEIGHT} <= doings("zero bubble")
    assert all(training.time is not None for training in (ONE, PIPED, LONG, ZERO_BUBBLE))
