"""Pipeline schedules: orders as the real implementations have them, what they hold, and that every one can run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weighbridge.parallel.schedule import (
    FACTS,
    Action,
    Schedule,
    Step,
    Turn,
    in_flight,
    moments,
    order,
    placement,
    problems,
)
from weighbridge.parallel.timeline import Durations, simulate

Case = tuple[Schedule, int, int, int, int | None]
"""Schedule, stages, micro-batches, chunks, group."""

LETTERS = {Action.FORWARD: "F", Action.BACKWARD: "B", Action.BACKWARD_INPUT: "I", Action.BACKWARD_WEIGHT: "W"}


@st.composite
def cases(draw: st.DrawFn, most: int = 40) -> Case:
    """A schedule and sizes that nothing is wrong with, often fewer micro-batches than stages."""
    schedule = draw(st.sampled_from(list(Schedule)))
    stages = draw(st.integers(FACTS[schedule].fewest_stages, 7))
    if schedule is Schedule.DUALPIPE:
        stages += stages % 2
        return schedule, stages, 2 * draw(st.integers(stages, max(stages, most // 2))), 2, None
    if schedule is Schedule.INTERLEAVED:
        group = draw(st.integers(stages, stages + 4))
        rest = draw(st.sampled_from([0, *range(stages, group)]))
        micro_batches = draw(st.integers(1, 5)) * group + rest
        return schedule, stages, micro_batches, draw(st.integers(2, 4)), group
    return schedule, stages, draw(st.integers(1, most)), FACTS[schedule].fewest_chunks, None


def text(steps: tuple[Step, ...]) -> str:
    """An order in short: action, micro-batch, chunk (a, b ...)."""
    return " ".join(f"{LETTERS[step.action]}{step.micro_batch}{'abcd'[step.chunk]}" for step in steps)


def walked(steps: tuple[Step, ...], chunks: int) -> Iterator[Turn]:
    """Every moment, counted anew from the definition."""
    done: list[Step] = []
    for step in steps:
        count = Counter((earlier.action, earlier.chunk) for earlier in done)
        released = [count[Action.BACKWARD, c] + count[Action.BACKWARD_WEIGHT, c] for c in range(chunks)]
        held = tuple(count[Action.FORWARD, c] - released[c] for c in range(chunks))
        late = tuple(count[Action.BACKWARD_INPUT, c] - count[Action.BACKWARD_WEIGHT, c] for c in range(chunks))
        yield Turn(step.action, step.chunk, held, late)
        done.append(step)


def outweighed(moment: Turn, by: Turn) -> bool:
    """Whether another moment of the same action and chunk holds as much or more in either state everywhere."""
    if moment == by or (moment.action, moment.chunk) != (by.action, by.chunk):
        return False
    pairs = zip(moment.held, moment.pending_weight, by.held, by.pending_weight, strict=True)
    return all(a - b <= c - d and b <= d for a, b, c, d in pairs)


RECORDED = {
    (Schedule.INTERLEAVED, 2, 0, 5, 2, 3): "F0a F1a F2a F0b F1b F2b B0b F3a B1b F4a B2b F3b B0a F4b B1a B2a B3b B4b "
    "B3a B4a",
    (Schedule.ZB_H1, 3, 1, 4): "F0a F1a I0a F2a I1a W0a F3a I2a W1a I3a W2a W3a",
    (Schedule.ZB_V, 2, 0, 4, 2): "F0a F1a F2a F0b I0b W0b F1b I1b W1b F3a I0a W0a F2b I2b W2b I1a W1a F3b I3b W3b "
    "I2a W2a I3a W3a",
    (Schedule.ZB_V, 3, 1, 2, 2): "F0a F1a F0b F1b I0b W0b I1b W1b I0a W0a I1a W1a",
    (Schedule.DUALPIPE, 4, 0, 8, 2): "F0a F1a F2a F4b I4b W4b F5b F3a B5b F6b B0a B6b F7b B1a B7b I2a W2a I3a W3a",
    (Schedule.DUALPIPE, 4, 2, 8, 2): "F4b F0a F5b F1a F6b B0a F2a B4b F7b B1a F3a B5b B2a B6b I3a I7b W3a W7b",
}
"""Orders of the implementations that FACTS cites: PyTorch 2.13's own functions, DualPipe.step run without a model."""


@pytest.mark.parametrize(("arguments", "recorded"), RECORDED.items())
def test_orders_are_those_of_the_real_implementations(arguments: tuple[Schedule, int, int, int], recorded: str) -> None:
    assert text(order(*arguments)) == recorded


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (Schedule.GPIPE, "F0a F1a F2a B0a B1a B2a"),
        (Schedule.ONE_F_ONE_B, "F0a F1a F2a B0a B1a B2a"),
        (Schedule.ZB_H1, "F0a F1a F2a I0a W0a I1a W1a I2a W2a"),
    ],
)
def test_first_rank_with_fewer_micro_batches_than_stages(schedule: Schedule, expected: str) -> None:
    assert text(order(schedule, 5, 0, 3)) == expected


@given(cases())
def test_every_forward_runs_once_and_every_backward_once_after_it(case: Case) -> None:
    schedule, stages, micro_batches, chunks, group = case
    assert not list(problems(*case))
    for stage in range(stages):
        steps = order(schedule, stages, stage, micro_batches, chunks, group)
        assert len(set(steps)) == len(steps)
        place = {step: position for position, step in enumerate(steps)}
        forwards = [step for step in steps if step.action is Action.FORWARD]
        assert Counter(step.micro_batch for step in forwards) == dict.fromkeys(
            range(micro_batches), 1 if schedule is Schedule.DUALPIPE else chunks
        )
        halves = [step for step in steps if step.action is Action.BACKWARD_WEIGHT]
        for forward in forwards:
            whole, first, second = (Step(action, forward.micro_batch, forward.chunk) for action in list(Action)[1:])
            assert (whole in place) != (first in place)
            assert (first in place) == (second in place)
            assert place[forward] < (place[whole] if whole in place else place[first])
            assert second not in place or place[first] < place[second]
        assert len(steps) == 2 * len(forwards) + len(halves)


@given(cases())
def test_no_schedule_stands_still(case: Case) -> None:
    schedule, stages, micro_batches, chunks, group = case
    timeline = simulate(schedule, stages, micro_batches, chunks, Durations(1.0, 1.5, 0.5), group)
    assert len(timeline.ranks) == stages
    assert 0 <= timeline.bubble < 1
    for ran in timeline.ranks:
        assert all(a.end <= b.start for a, b in pairwise(ran))


@given(st.sampled_from(list(Schedule)), st.integers(1, 8), st.integers(1, 8), st.integers(2, 4))
def test_fewer_micro_batches_than_stages_run_too(
    schedule: Schedule, stages: int, micro_batches: int, chunks: int
) -> None:
    """Also where the implementation rejects them: interleaved and DualPipe."""
    if schedule is Schedule.DUALPIPE:
        stages += stages % 2
    micro_batches = min(micro_batches, stages)
    chunks = FACTS[schedule].most_chunks or chunks
    ran = [timed.step for steps in simulate(schedule, stages, micro_batches, chunks).ranks for timed in steps]
    forwards = sum(step.action is Action.FORWARD for step in ran)
    assert forwards == stages * micro_batches * (1 if schedule is Schedule.DUALPIPE else chunks)


def test_a_schedule_that_stands_still_is_an_error() -> None:
    assert list(problems(Schedule.INTERLEAVED, 4, 5, 3))
    with pytest.raises(RuntimeError, match="rank 3"):
        simulate(Schedule.INTERLEAVED, 4, 5, 3)


@settings(deadline=None, max_examples=60)
@given(cases())
def test_moments_are_those_of_all_micro_batches_that_nothing_outweighs(case: Case) -> None:
    schedule, stages, micro_batches, chunks, group = case
    for stage in {0, stages // 2, stages - 1}:
        every = set(walked(order(schedule, stages, stage, micro_batches, chunks, group), chunks))
        heaviest = {moment for moment in every if not any(outweighed(moment, other) for other in every)}
        found = moments(schedule, stages, stage, micro_batches, chunks, group)
        assert len(found) == len(set(found))
        assert set(found) == heaviest
        assert in_flight(schedule, stages, stage, micro_batches, chunks, group) == max(sum(m.held) for m in every)


def test_moments_of_many_micro_batches_are_those_of_enough() -> None:
    for schedule, chunks in [(Schedule.INTERLEAVED, 3), (Schedule.ZB_V, 2), (Schedule.DUALPIPE, 2)]:
        few, many = moments(schedule, 4, 1, 40, chunks), moments(schedule, 4, 1, 400_000, chunks)
        assert few is many


@given(st.integers(1, 12), st.integers(1, 50))
def test_in_flight_of_schedules_with_one_chunk(stages: int, micro_batches: int) -> None:
    for stage in range(stages):
        assert in_flight(Schedule.GPIPE, stages, stage, micro_batches) == micro_batches
        assert in_flight(Schedule.ONE_F_ONE_B, stages, stage, micro_batches) == min(micro_batches, stages - stage)
        assert in_flight(Schedule.ZB_H1, stages, stage, micro_batches) == min(micro_batches, stages)


@given(st.integers(2, 8), st.integers(2, 5), st.integers(1, 6))
def test_in_flight_of_interleaved_is_the_warm_up_and_one(stages: int, chunks: int, groups: int) -> None:
    for stage in range(stages):
        warmup = 2 * (stages - stage - 1) + (chunks - 1) * stages
        expected = min(warmup + 1, groups * stages * chunks)
        assert in_flight(Schedule.INTERLEAVED, stages, stage, groups * stages, chunks) == expected


@given(st.integers(1, 10), st.integers(1, 60))
def test_zb_v_holds_at_most_as_much_as_one_f_one_b(stages: int, micro_batches: int) -> None:
    most = [in_flight(Schedule.ZB_V, stages, stage, micro_batches, 2) for stage in range(stages)]
    assert max(most) <= 2 * stages
    if micro_batches >= 2 * stages:
        assert set(most) == {2 * stages}


@given(st.integers(1, 6), st.integers(0, 20))
def test_dualpipe_holds_one_more_than_stages(half: int, more: int) -> None:
    stages = 2 * half
    for stage in range(stages):
        assert in_flight(Schedule.DUALPIPE, stages, stage, 2 * stages + 2 * more, 2) == stages + 1


@given(st.sampled_from([Schedule.GPIPE, Schedule.ONE_F_ONE_B]), st.integers(1, 8), st.integers(1, 30))
def test_bubble_of_gpipe_and_one_f_one_b(schedule: Schedule, stages: int, micro_batches: int) -> None:
    """Narayanan et al. 2021, section 2.2.1: (p - 1) / m of the ideal time, as a share of the whole."""
    bubble = simulate(schedule, stages, micro_batches, 1, Durations(1.0, 1.25, 0.75)).bubble
    assert bubble == pytest.approx((stages - 1) / (micro_batches + stages - 1))


@pytest.mark.parametrize(
    ("schedule", "chunks", "duration"),
    [
        (Schedule.ONE_F_ONE_B, 1, 8 * 3 + 3 * 3),
        (Schedule.INTERLEAVED, 2, 2 * 8 * 3 + 3 * 3),
        (Schedule.ZB_H1, 1, 8 * 3 + 3),
        (Schedule.ZB_V, 2, 2 * 8 * 3 + 3),
    ],
)
def test_durations_of_the_papers(schedule: Schedule, chunks: int, duration: float) -> None:
    """Equal durations of the three passes, p = 4, m = 8: bubbles of 9, 9 half stages, 3, and the slope of the start."""
    assert simulate(schedule, 4, 8, chunks).duration == duration


def test_placements() -> None:
    assert placement(Schedule.ONE_F_ONE_B, 3) == ((0,), (1,), (2,))
    assert placement(Schedule.INTERLEAVED, 2, 3) == ((0, 2, 4), (1, 3, 5))
    assert placement(Schedule.ZB_V, 3, 2) == ((0, 5), (1, 4), (2, 3))
    assert placement(Schedule.DUALPIPE, 4, 2) == ((0, 3), (1, 2), (2, 1), (3, 0))


@pytest.mark.parametrize(
    ("case", "field", "says"),
    [
        ((Schedule.GPIPE, 0, 4), "stages", "0 is not allowed; nearest: 1"),
        ((Schedule.ONE_F_ONE_B, 4, 0), "micro_batches", "0 is not allowed; nearest: 1"),
        ((Schedule.ONE_F_ONE_B, 4, 4, 2), "chunks", "2 per rank is too many for 1F1B; nearest: 1"),
        ((Schedule.INTERLEAVED, 1, 4, 2), "stages", "1 is too few for Interleaved 1F1B; nearest: 2"),
        ((Schedule.INTERLEAVED, 4, 4, 1), "chunks", "1 per rank is too few for Interleaved 1F1B; nearest: 2"),
        ((Schedule.INTERLEAVED, 4, 3, 2), "micro_batches", "3 is less than stages = 4; nearest: 4"),
        ((Schedule.INTERLEAVED, 4, 12, 2, 3), "group", "allowed: stages = 4 to micro_batches = 12; nearest: 4"),
        ((Schedule.INTERLEAVED, 4, 12, 2, 13), "group", "nearest: 12"),
        ((Schedule.INTERLEAVED, 4, 6, 2), "micro_batches", "a last group of 2 after groups of 4"),
        ((Schedule.INTERLEAVED, 4, 15, 2, 6), "micro_batches", "nearest that fit: 12 or 16"),
        ((Schedule.ZB_H1, 4, 8, 1, 4), "group", "4 means nothing to ZB-H1"),
        ((Schedule.ZB_V, 4, 8, 3), "chunks", "nearest: 2"),
        ((Schedule.DUALPIPE, 5, 20, 2), "stages", "5 is odd, and DualPipe pairs the stages; nearest that fit: 4 or 6"),
        ((Schedule.DUALPIPE, 4, 6, 2), "micro_batches", "6 is less than DualPipe's 2 x stages = 8; nearest: 8"),
        ((Schedule.DUALPIPE, 4, 9, 2), "micro_batches", "nearest that fit: 8 or 10"),
        ((Schedule.DUALPIPE, 4, 8), "chunks", "1 per rank is too few for DualPipe; nearest: 2"),
    ],
)
def test_what_cannot_run_is_said_in_words(case: tuple[Schedule, int, int], field: str, says: str) -> None:
    found = list(problems(*case))
    assert [name for name, _ in found] == [field]
    assert says in found[0][1]


@given(st.integers(2, 6), st.integers(1, 40), st.integers(2, 3), st.integers(1, 12))
def test_nearest_micro_batches_of_interleaved_fit(stages: int, micro_batches: int, chunks: int, group: int) -> None:
    for name, reason in problems(Schedule.INTERLEAVED, stages, micro_batches, chunks, group):
        assert name in ("micro_batches", "group")
        for near in map(int, reason.rpartition(": ")[2].split(" or ")):
            given = (micro_batches, near) if name == "group" else (near, group)
            left = {field for field, _ in problems(Schedule.INTERLEAVED, stages, given[0], chunks, given[1])}
            assert name not in left


def test_every_schedule_has_its_facts() -> None:
    assert list(FACTS) == list(Schedule)
