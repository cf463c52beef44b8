"""Lanes with workers that a test holds in its hands: turns, queues, what turned out slow, workers that are lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from weighbridge.server import lanes
from weighbridge.server.cache import EACH, Cache, tag
from weighbridge.server.lanes import FullError, GoneError, Lane, Lanes, WaitedError
from weighbridge.server.process import DiedError
from weighbridge.server.settings import Settings
from weighbridge.server.shapes import MOST, Slow, shape
from weighbridge.server.wire import Came, Reply


@dataclass(eq=False)
class Hand:
    """A worker that answers when it is told to."""

    answers: asyncio.Queue[Reply | Exception] = field(default_factory=asyncio.Queue)
    asked: list[tuple[str, bytes, float]] = field(default_factory=list)
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    pid: int = 1
    answered: int = 0

    @property
    def alive(self) -> bool:
        return not self.gone.is_set()

    async def ask(self, ask: str, text: bytes, seconds: float) -> Reply:
        self.asked.append((ask, text, seconds))
        found = await self.answers.get()
        if isinstance(found, Exception):
            raise found
        return found

    async def ended(self) -> None:
        await self.gone.wait()

    async def end(self) -> None:
        self.gone.set()


ANSWER = Reply(Came.ANSWER, 200, 0.001, b"{}")


def lane_of(name: str = "quick", size: int = 1, fails: int = 0, **settings: Any) -> tuple[Lane, list[Hand]]:
    """A lane of such workers, and those that it has started; so many of the first starts fail."""
    made: list[Hand] = []
    left = [fails]

    async def starts(_: Settings, lowered: bool) -> Any:
        if left[0]:
            left[0] -= 1
            raise DiedError("it did not become ready")
        made.append(Hand())
        return made[-1]

    return Lane(name, Settings(**settings), size, False, starts), made


Test = Callable[[], Awaitable[None]]


def runs(test: Test) -> Callable[[], None]:
    """A test that runs in a loop of its own."""

    def run() -> None:
        asyncio.run(asyncio.wait_for(test(), 20))

    run.__name__ = test.__name__
    return run


@runs
async def test_questions_take_turns_and_a_full_queue_says_how_long() -> None:
    lane, (hand,) = await opened(queue=2)
    asked = [asyncio.create_task(lane.ask("params", b"%d" % number, 1.0)) for number in range(3)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert (lane.busy, lane.waiting) == (1, 2)
    with pytest.raises(FullError, match=r"try again in \d+ s") as caught:
        await lane.ask("params", b"3", 1.0)
    assert 1 <= caught.value.seconds <= 60
    for _ in asked:
        hand.answers.put_nowait(ANSWER)
    assert await asyncio.gather(*asked) == [ANSWER] * 3
    assert [text for _, text, _ in hand.asked] == [b"0", b"1", b"2"]
    assert (lane.busy, lane.waiting) == (0, 0)


async def opened(**settings: Any) -> tuple[Lane, list[Hand]]:
    lane, made = lane_of(**settings)
    await lane.open()
    return lane, made


@runs
async def test_a_turn_that_does_not_come_is_given_up() -> None:
    lane, (hand,) = await opened(wait_seconds=0.05)
    first = asyncio.create_task(lane.ask("params", b"0", 1.0))
    await asyncio.sleep(0)
    with pytest.raises(WaitedError):
        await lane.ask("params", b"1", 1.0)
    hand.answers.put_nowait(ANSWER)
    assert await first == ANSWER
    hand.answers.put_nowait(ANSWER)
    assert await lane.ask("params", b"2", 1.0) == ANSWER
    assert [text for _, text, _ in hand.asked] == [b"0", b"2"]


@runs
async def test_who_left_while_waiting_is_passed_over() -> None:
    lane, (hand,) = await opened()

    async def gone() -> bool:
        return True

    first = asyncio.create_task(lane.ask("params", b"0", 1.0))
    await asyncio.sleep(0)
    second = asyncio.create_task(lane.ask("params", b"1", 1.0, gone))
    await asyncio.sleep(2 * lanes.LONG_WAIT)
    hand.answers.put_nowait(ANSWER)
    assert await first == ANSWER
    with pytest.raises(GoneError):
        await second
    hand.answers.put_nowait(ANSWER)
    assert (
        await lane.ask("params", b"2", 1.0, gone) == ANSWER
    )  # its turn came at once: nobody was asked whether it left


@runs
async def test_a_worker_that_ends_in_the_midst_is_replaced() -> None:
    lane, made = await opened()
    made[0].answers.put_nowait(DiedError("it ended"))
    with pytest.raises(DiedError):
        await lane.ask("params", b"0", 1.0)
    while len(made) < 2:
        await asyncio.sleep(0.01)
    made[1].answers.put_nowait(ANSWER)
    assert await lane.ask("params", b"1", 1.0) == ANSWER
    assert (lane.restarts, lane.alive, made[0].alive) == (1, 1, False)


@runs
async def test_a_worker_that_answers_nothing_is_ended_and_its_question_is_slow() -> None:
    before, lanes.GRACE = lanes.GRACE, -1.0  # by_the_clock(0.01) is a little more than a second
    try:
        lane, made = await opened()
        assert (await lane.ask("params", b"0", 0.01)).came is Came.SLOW
    finally:
        lanes.GRACE = before
    while len(made) < 2:
        await asyncio.sleep(0.01)
    assert (lane.restarts, made[0].alive) == (1, False)


@runs
async def test_an_idle_worker_that_ends_is_replaced_and_starts_are_tried_again() -> None:
    before, lanes.PAUSE = lanes.PAUSE, 0.01
    lane, made = lane_of()
    await lane.open()
    starts = lane.starts
    failed: list[int] = []

    async def failing(settings: Settings, lowered: bool) -> Any:
        if len(failed) < 3:
            failed.append(1)
            raise DiedError("it did not become ready")
        return await starts(settings, lowered)

    lane.starts = failing
    made[0].gone.set()
    while len(made) < 2:
        await asyncio.sleep(0.01)
    lanes.PAUSE = before
    assert (lane.restarts, len(failed)) == (1, 3)
    await lane.close()
    assert not made[1].alive
    assert lane.restarts == 1


@runs
async def test_what_turns_out_slow_goes_to_the_slow_lane_and_the_next_like_it_at_once() -> None:
    settings = Settings(quick_seconds=0.25, seconds=9.0)
    quick, (fast,) = await opened()
    slow, (patient,) = await opened(name="slow")
    both = Lanes(settings, quick, slow)
    fast.answers.put_nowait(Reply(Came.SLOW))
    patient.answers.put_nowait(Reply(Came.ANSWER, 200, 3.0, b"{}"))
    assert (await both.ask("infer", b'{"prompt":100}', False))[1] == "slow"
    patient.answers.put_nowait(Reply(Came.ANSWER, 200, 3.0, b"{}"))
    assert (await both.ask("infer", b'{"prompt":2000}', False))[1] == "slow"
    assert (len(fast.asked), [seconds for _, _, seconds in patient.asked]) == (1, [9.0, 9.0])
    patient.answers.put_nowait(ANSWER)  # quick after all: the next may try the quick lane again
    await both.ask("infer", b'{"prompt":1}', False)
    fast.answers.put_nowait(ANSWER)
    assert (await both.ask("infer", b'{"prompt":2}', False))[1] == "quick"
    patient.answers.put_nowait(ANSWER)
    assert (await both.ask("infer", b"{long}", True))[1] == "slow"


def test_shapes_differ_by_words_and_not_by_digits() -> None:
    assert shape("infer", b'{"prompt":100}') == shape("infer", b'{"prompt":2500}')
    assert shape("infer", b'{"prompt":100}') != shape("train", b'{"prompt":100}')
    assert shape("infer", b'{"prompt":100}') != shape("infer", b'{"output":100}')
    slow = Slow()
    for number in range(MOST + 10):
        slow.learn(b"%d" % number)
    assert len(slow) == MOST
    assert b"9" not in slow
    assert b"10" in slow


def test_held_answers_are_bounded_and_those_used_last_stay() -> None:
    cache = Cache(20 * (100 + EACH))
    for number in range(30):
        cache.put(f"{number}", b"x" * 100)
        cache.get("0")
    assert (len(cache), cache.bytes) == (20, cache.most)
    assert cache.get("0") == b"x" * 100
    assert cache.get("1") is None
    cache.put("large", b"x" * 1000)
    assert cache.get("large") is None
    cache.put("0", b"other")
    assert cache.get("0") == b"x" * 100


def test_tags_tell_ask_and_text_apart() -> None:
    assert tag("params", b"x") != tag("param", b"sx")
    assert tag("", b"x") == tag("", b"x")
