"""Lanes: so many workers and so many questions that may wait for them; what takes long moves to the slow lane.

Quick questions have workers of their own, and slow ones run in others of lower priority, so that whatever is asked
there leaves the quick lane its processors. A lane that is full says so at once.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from weighbridge.server.process import DiedError, Worker
from weighbridge.server.settings import Settings
from weighbridge.server.shapes import Slow, shape
from weighbridge.server.wire import Came, Reply, by_the_clock

GRACE = 2.0
"""Seconds that a worker has beyond the timers that interrupt it, before it is ended."""

FIRST_GUESS = 0.02
"""Seconds that a question is taken to need before any was measured."""

PAUSE = 1.0
"""Seconds before another worker is started where one did not become ready."""

log = logging.getLogger("weighbridge.server")


class FullError(Exception):
    """The lane has no room.

    Attributes:
        seconds: after which there may be.
    """

    def __init__(self, seconds: int) -> None:
        super().__init__(f"try again in {seconds} s")
        self.seconds = seconds


class WaitedError(FullError):
    """The question waited too long for its turn."""


class GoneError(Exception):
    """Whoever asked did not wait for the turn."""


Gone = Callable[[], Awaitable[bool]]
"""Whether whoever asked is gone."""

LONG_WAIT = 0.05
"""Seconds of waiting after which somebody may have gone; a page drops a question as its reader types on."""


@dataclass(eq=False)
class Lane:
    """Workers that share a queue.

    Attributes:
        name: quick or slow.
        settings: what the operator decides.
        size: workers.
        lowered: they have lower priority.
        starts: starts a worker.
    """

    name: str
    settings: Settings
    size: int
    lowered: bool
    starts: Callable[[Settings, bool], Awaitable[Worker]] = Worker.started
    waiting: int = 0
    busy: int = 0
    restarts: int = 0
    _mean: float = FIRST_GUESS
    _free: asyncio.Queue[Worker] = field(default_factory=asyncio.Queue)
    _workers: set[Worker] = field(default_factory=set)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _closing: bool = False

    async def open(self) -> None:
        """Start the workers; returns when all are warm."""
        await asyncio.gather(*(self._add() for _ in range(self.size)))

    async def close(self) -> None:
        """End the workers."""
        self._closing = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(worker.end() for worker in list(self._workers)))
        self._workers.clear()

    @property
    def alive(self) -> int:
        """Workers that run."""
        return sum(worker.alive for worker in self._workers)

    async def _add(self) -> None:
        worker = await self.starts(self.settings, self.lowered)
        self._workers.add(worker)
        self._free.put_nowait(worker)
        self._spawn(self._watch(worker))

    async def _watch(self, worker: Worker) -> None:
        """Replace a worker that ends while nobody asks it anything."""
        await worker.ended()
        if worker in self._workers and not self._closing:
            log.warning("a worker ended", extra={"lane": self.name, "answered": worker.answered})
            self._replace(worker)

    async def ask(self, ask: str, text: bytes, seconds: float, gone: Gone | None = None) -> Reply:
        """What comes of a question that may take so many seconds once it has its turn.

        Raises:
            FullError: where too many wait.
            WaitedError: where its turn does not come.
            GoneError: where nobody waits for it any more when it does.
            DiedError: where the worker ends in the middle of it.
        """
        if self.waiting >= self.settings.queue:
            raise FullError(self._seconds_left())
        came = time.perf_counter()
        worker = await self._turn()
        if gone is not None and time.perf_counter() - came > LONG_WAIT and await gone():
            self._free.put_nowait(worker)
            raise GoneError
        self.busy += 1
        began = time.perf_counter()
        try:
            async with asyncio.timeout(by_the_clock(seconds) + GRACE):
                reply = await worker.ask(ask, text, seconds)
        except TimeoutError:
            self._replace(worker)
            return Reply(Came.SLOW)
        except BaseException:  # it ended, or whoever asked is gone: what it says next belongs to nobody
            self._replace(worker)
            raise
        finally:
            self.busy -= 1
            self._mean += 0.05 * (time.perf_counter() - began - self._mean)
        self._free.put_nowait(worker)
        return reply

    async def _turn(self) -> Worker:
        """A worker that is free.

        Raises:
            WaitedError: where none is in time.
        """
        self.waiting += 1
        try:
            async with asyncio.timeout(self.settings.wait_seconds):
                while True:
                    worker = await self._free.get()
                    if worker in self._workers and worker.alive:
                        return worker
        except TimeoutError:
            raise WaitedError(self._seconds_left()) from None
        finally:
            self.waiting -= 1

    def _seconds_left(self) -> int:
        """Seconds until those that wait have been answered."""
        return min(60, max(1, math.ceil(self._mean * (self.waiting + 1) / self.size)))

    def _replace(self, worker: Worker) -> None:
        """Start another worker in the place of one that is lost."""
        if worker in self._workers:
            self._workers.discard(worker)
            self.restarts += 1
            self._spawn(self._another(worker))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _another(self, worker: Worker) -> None:
        await worker.end()
        while not self._closing:
            try:
                await self._add()
                return
            except DiedError as error:
                log.error("worker", extra={"lane": self.name, "error": str(error)})
                await asyncio.sleep(PAUSE)


@dataclass(frozen=True)
class Lanes:
    """The quick lane and the slow one.

    Attributes:
        settings: what the operator decides.
        quick: the quick lane.
        slow: the slow one.
        known: shapes of questions that turned out slow.
    """

    settings: Settings
    quick: Lane
    slow: Lane
    known: Slow = field(default_factory=Slow)

    @classmethod
    def of(cls, settings: Settings) -> Lanes:
        """The lanes that settings ask for, not yet open."""
        return cls(
            settings,
            Lane("quick", settings, settings.quick, False),
            Lane("slow", settings, settings.slow, True),
        )

    async def open(self) -> None:
        """Start all workers."""
        await asyncio.gather(self.quick.open(), self.slow.open())

    async def close(self) -> None:
        """End all workers."""
        await asyncio.gather(self.quick.close(), self.slow.close())

    @property
    def ready(self) -> bool:
        """Whether both lanes have a worker that runs."""
        return self.quick.alive > 0 and self.slow.alive > 0

    async def ask(self, ask: str, text: bytes, slow: bool, gone: Gone | None = None) -> tuple[Reply, str]:
        """What comes of a question, and the lane that it was answered in.

        Args:
            ask: what is asked; empty where the text says so.
            text: the question.
            slow: it is known to take long.
            gone: whether whoever asked is gone.
        """
        like = shape(ask, text)
        if not slow and like not in self.known:
            reply = await self.quick.ask(ask, text, self.settings.quick_seconds, gone)
            if reply.came is not Came.SLOW:
                return reply, self.quick.name
            self.known.learn(like)
        reply = await self.slow.ask(ask, text, self.settings.seconds, gone)
        if reply.came is Came.ANSWER and reply.seconds < self.settings.quick_seconds / 2:
            self.known.forget(like)
        return reply, self.slow.name
