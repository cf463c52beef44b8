"""A service of its own for the tests: the real one, on the loopback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import pytest

READY = 60.0
"""Seconds until it must be ready."""


@dataclass
class Answer:
    """A response.

    Attributes:
        status: as HTTP has it.
        headers: by lower-case name.
        body: as it came.
    """

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def data(self) -> Any:
        """The JSON in it."""
        return json.loads(self.body)


@dataclass
class Running:
    """A service that runs.

    Attributes:
        process: its process.
        port: where it listens.
        log: what it logged since somebody last looked.
    """

    process: subprocess.Popen[str]
    port: int = 0
    log: Queue[dict[str, Any]] = field(default_factory=Queue)

    def send(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        """What a request is answered with."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, named)
        response = connection.getresponse()
        found = {name.lower(): value for name, value in response.getheaders()}
        answer = Answer(response.status, found, response.read())
        connection.close()
        return answer

    def get(self, path: str, **headers: str) -> Answer:
        return self.send("GET", path, None, **headers)

    def ask(self, ask: str, question: Any, **headers: str) -> Answer:
        """What a question is answered with."""
        text = question if isinstance(question, bytes) else json.dumps(question).encode()
        return self.send("POST", f"/api/v1/{ask}", text, **{"content_type": "application/json", **headers})

    def logged(self, message: str) -> dict[str, Any]:
        """The next record of that message."""
        end = READY
        while True:
            try:
                record = self.log.get(timeout=0.1)
            except Empty:
                end -= 0.1
                assert self.process.poll() is None or not self.log.empty(), "it has ended"
                assert end > 0, f"nothing says {message!r}"
                continue
            if record["message"] == message:
                return record


def start(*options: str, env: dict[str, str] | None = None, ready: bool = True, before: str = "pass") -> Running:
    """A service with these options, ready unless said otherwise; ``before`` runs in its process first."""
    command = [
        sys.executable,
        "-c",
        f"{before}\nfrom weighbridge.cli import main; main()",
        "serve",
        "--port",
        "0",
        *options,
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, **(env or {})})
    running = Running(process)

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            running.log.put(json.loads(line))

    threading.Thread(target=read, daemon=True).start()
    running.port = running.logged("listening")["port"]
    if ready:
        running.logged("ready")
    return running


def stop(running: Running) -> int:
    """End a service as an operator does; its status."""
    running.process.terminate()
    return running.process.wait(60)


def children(running: Running) -> list[int]:
    """The processes of a service's workers: those of the quick lane first."""
    found = [
        int(text)
        for text in Path(f"/proc/{running.process.pid}/task/{running.process.pid}/children").read_text().split()
    ]
    return sorted(found, key=lambda pid: (b"--quick" not in Path(f"/proc/{pid}/cmdline").read_bytes(), pid))


def long(global_batch: int = 36_864) -> dict[str, Any]:
    """A question that takes a second: a pipeline of 96 stages, and all that it runs."""
    options = {"cluster": "768xH800", "tp": 8, "pp": 96, "global_batch": global_batch}
    return {"model": "nemotron-4-340b", "options": options, "with": ["timeline", "tree"]}


def figure(running: Running, name: str) -> float:
    """A figure of the metrics, by its name and labels as they are written."""
    for line in running.get("/metrics").body.decode().splitlines():
        if line.startswith(f"{name} "):
            return float(line.rpartition(" ")[2])
    return 0.0


@contextmanager
def served(*options: str, **how: Any) -> Iterator[Running]:
    """A service of one's own, which must end in order."""
    usual = () if "--workers" in options else ("--workers", "1", "--slow-workers", "1")
    running = start(*usual, *options, **how)
    try:
        yield running
    finally:
        status = stop(running)
    assert status == 0


@pytest.fixture(scope="session")
def service() -> Iterator[Running]:
    """A service with one worker in each lane."""
    running = start("--workers", "1", "--slow-workers", "1", "--max-body", "2000000", "--seconds", "10")
    yield running
    assert stop(running) == 0
