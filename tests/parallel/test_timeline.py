"""When steps run: messages between ranks, ranks of unequal speed, tasks in an order that their waits allow."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.parallel.schedule import Schedule
from weighbridge.parallel.timeline import Durations, Sending, simulate, tasks

seconds = st.floats(0.01, 10)


def test_messages_delay_the_next_rank_and_hold_up_the_sender_where_it_waits() -> None:
    two = [[Durations(1.0, 1.0, 1.0)]] * 2
    alone = simulate(Schedule.ONE_F_ONE_B, 2, 1, durations=two)
    assert alone.finishes == (6.0, 4.0)
    sent = simulate(Schedule.ONE_F_ONE_B, 2, 1, durations=two, sending=Sending(0.5))
    assert sent.finishes == (7.0, 4.5)
    held = simulate(Schedule.ONE_F_ONE_B, 2, 1, durations=two, sending=Sending(0.5, blocks=True))
    assert held.finishes == (7.0, 5.0)


@given(st.lists(seconds, min_size=2, max_size=5), st.integers(1, 12), st.floats(0, 1))
def test_no_rank_is_done_before_its_own_work_nor_before_the_slowest_could_be(
    ranks: list[float], micro_batches: int, message: float
) -> None:
    durations = [[Durations(own, own, own)] for own in ranks]
    ran = simulate(Schedule.ONE_F_ONE_B, len(ranks), micro_batches, durations=durations, sending=Sending(message))
    for own, steps, finish in zip(ranks, ran.ranks, ran.finishes, strict=True):
        assert finish == steps[-1].end >= 3 * own * micro_batches - 1e-9
    assert ran.duration >= sum(3 * own for own in ranks) + 2 * message * (len(ranks) - 1) - 1e-9


@pytest.mark.parametrize("schedule", [Schedule.GPIPE, Schedule.ONE_F_ONE_B, Schedule.ZB_H1])
def test_tasks_stand_after_what_they_wait_for(schedule: Schedule) -> None:
    for place, task in enumerate(tasks(schedule, 4, 6, 1, None)):
        assert all(needed < place for needed, _ in task.needs)
