"""A worker as the service sees it: a process that is asked one question at a time."""

from __future__ import annotations

import asyncio
import os
import sys

from weighbridge.server.settings import Settings
from weighbridge.server.wire import ASKED, REPLIED, Came, Reply

STARTING = 60.0
"""Seconds that a worker may take until it is warm."""

LOWER = 10
"""What is added to the niceness of workers of the slow lane."""


class DiedError(Exception):
    """The worker ended, or says what no worker says."""


class Worker:
    """A process that answers.

    Attributes:
        answered: questions so far.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.answered = 0

    @classmethod
    async def started(cls, settings: Settings, lowered: bool) -> Worker:
        """A warm worker.

        Raises:
            DiedError: where it ends before.
        """
        words = [f"--memory={settings.memory}", *([] if lowered else ["--quick"])]
        if settings.hub:
            words += ["--hub", *(f"--host={host}" for host in hub_hosts(settings))]
        command = [sys.executable, "-m", "weighbridge.server.worker", *words]
        own = {"PYTHONHASHSEED": "0", "MALLOC_ARENA_MAX": "2"}
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *command, stdin=pipe, stdout=pipe, env=os.environ | own, start_new_session=True
        )
        worker = cls(process)
        try:
            async with asyncio.timeout(STARTING):
                reply = await worker._reply()
        except (DiedError, TimeoutError):
            await worker.end()
            raise DiedError("a worker did not become ready") from None
        except BaseException:  # the service ends before the worker has begun
            process.kill()
            raise
        if lowered and hasattr(os, "setpriority"):
            os.setpriority(os.PRIO_PROCESS, process.pid, os.getpriority(os.PRIO_PROCESS, 0) + LOWER)
        if reply.came is not Came.READY:
            raise DiedError("a worker began with something else than being ready")
        return worker

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process.returncode is None

    async def ask(self, ask: str, text: bytes, seconds: float) -> Reply:
        """What comes of a question.

        Raises:
            DiedError: where the process ends.
        """
        assert self._process.stdin is not None
        name = ask.encode()
        try:
            self._process.stdin.write(ASKED.pack(seconds, len(name), len(text)) + name + text)
            await self._process.stdin.drain()
        except (ConnectionError, RuntimeError):
            raise DiedError("a worker ended") from None
        found = await self._reply()
        self.answered += 1
        return found

    async def _reply(self) -> Reply:
        assert self._process.stdout is not None
        try:
            came, status, seconds, length = REPLIED.unpack(await self._process.stdout.readexactly(REPLIED.size))
            body = await self._process.stdout.readexactly(length)
        except (asyncio.IncompleteReadError, ConnectionError):
            raise DiedError("a worker ended") from None
        return Reply(Came(came), status, seconds, body)

    async def ended(self) -> None:
        """Wait until the process has ended by itself."""
        await self._process.wait()

    async def end(self) -> None:
        """End the process, whatever it does."""
        if self.alive:
            try:
                self._process.kill()
            except ProcessLookupError:
                pass
        await self._process.wait()


def hub_hosts(settings: Settings) -> tuple[str, ...]:
    """Hosts that may be asked where the hub is turned on: those given, else the hub's own and where it keeps files."""
    if settings.hub_hosts:
        return settings.hub_hosts
    from urllib.parse import urlsplit

    from huggingface_hub import constants

    return (urlsplit(constants.ENDPOINT).hostname or "", "*.huggingface.co", "*.hf.co")
