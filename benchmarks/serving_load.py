"""Load on the HTTP service: estimates per second and how long they take, alone and with slow questions beside them.

``python -m benchmarks.serving_load`` starts ``weighbridge serve`` on the loopback, asks it for a bounded time over a
few connections, and prints a table. Every question of a "distinct" row is one that was never asked before, over a
dozen models, several plans and clusters and lengths of its own, so that none of their answers was held; "held" rows
ask a hundred questions again and again.

The client runs on the same processors as the service and takes its share of them, and so does whatever else runs on the
machine. "processor" is what the service's own processes took of one for an answer, which others change little, and
"client" what the client took; "by processor" is what two processors answer in a second where both have nothing else to
do, twice a second over the first: what a client on another machine would see.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import platform
import re
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

CONNECTIONS = 16
SECONDS = 8.0
"""Of each row."""

SLOW_BESIDE = 4
"""Connections that ask slow questions one after another, where a row has them."""

Question = tuple[str, bytes]


def _question(ask: str, **question: Any) -> Question:
    return ask, json.dumps(question).encode()


MODELS = (
    *("llama-3.1-8b", "llama-3.1-70b", "gpt2", "mixtral-8x7b", "qwen3-30b-a3b", "gemma-2-2b", "mistral-7b-v0.1"),
    *("qwen2.5-7b", "phi-4", "mamba-1.4b", "deepseek-v3", "llama-7b"),
)
"""Of the catalogue: dense ones and mixtures, from 124 million to 671 billion parameters."""

DENSE = ("llama-3.1-8b", "llama-3.1-70b", "mistral-7b-v0.1", "qwen2.5-7b", "phi-4", "llama-7b")
"""Those whose heads tensor parallelism of 2 and 4 divides."""


def _of(names: tuple[str, ...], number: int) -> str:
    return names[number % len(names)]


def params(number: int) -> Question:
    """Parameters of a model with a vocabulary of its own, so that it is built and counted anew."""
    return _question("params", model=_of(MODELS, number), options={"set": {"vocab_size": 32_000 + number}})


def flops(number: int) -> Question:
    """FLOPs of a sequence of a length of its own."""
    return _question("flops", model=_of(MODELS, number), options={"seq": 64 + number % 900, "batch": 1 + number // 900})


def _training(number: int) -> dict[str, Any]:
    cluster = ("8xH100", "16xA100", "64xH100", "8xH200")[number % 4]
    return {
        "cluster": cluster,
        "tp": (1, 2, 4)[number % 3],
        "pp": (1, 2)[number // 3 % 2],
        "seq": 1024 + 8 * number,
        "recompute": ("none", "full")[number // 6 % 2],
    }


def memory(number: int) -> Question:
    """Memory of every stage and time of a training step, without what would help."""
    return _question("train", model=_of(DENSE, number), options=_training(number) | {"advice": False})


def train(number: int) -> Question:
    """The same with what would help, which is many more training steps."""
    return _question("train", model=_of(DENSE, number), options=_training(number))


def infer(number: int) -> Question:
    """Memory and speed of a server of so many users, without what would help."""
    options = {"cluster": ("H100", "2xA100", "8xH200")[number % 3], "prompt": 512 + number, "batch": 8, "advice": False}
    return _question("infer", model=_of(DENSE, number), options=options)


def scaling(number: int) -> Question:
    """Laws at a budget of its own."""
    return _question("scaling", options={"compute": 1e21 * (1 + number)})


def compare(number: int) -> Question:
    """Two models side by side."""
    names = [_of(MODELS, number), _of(MODELS, number + 1 + number // len(MODELS) % 11)]
    return _question("compare", models=names, options={"seq": 128 + number % 800})


def local(number: int) -> Question:
    """Which quantisation fits on one's own card."""
    options = {"on": ["RTX-4090"], "gguf": "Q4_K_M", "context": 1024 + number}
    return _question("local", model=_of(("llama-3.1-8b", "mistral-7b-v0.1", "qwen2.5-7b"), number), options=options)


MIXTURE = (params, flops, memory, params, scaling, infer, params, memory, flops, compare)


def mixed(number: int) -> Question:
    """What people ask in turn: parameters three times in ten, FLOPs and training twice, the others once."""
    return MIXTURE[number % len(MIXTURE)](number)


def slow(number: int) -> Question:
    """A question that takes a second: a pipeline of 96 stages, and all that it runs."""
    options = {"cluster": "768xH800", "tp": 8, "pp": 96, "global_batch": 36_864 + number}
    return _question("train", model="nemotron-4-340b", options=options, **{"with": ["timeline", "tree"]})


def held(number: int) -> Question:
    """A hundred of the mixed questions again and again."""
    return mixed(number % 100)


@dataclass(frozen=True)
class Row:
    """What came of one row.

    Attributes:
        name: what was asked.
        slow_beside: connections that asked slow questions meanwhile.
        per_second: answers.
        p50_ms: half of them took no longer.
        p99_ms: ninety-nine in a hundred took no longer.
        answers: in all.
        refused: responses of another status than 200.
        slow_answered: slow questions that were answered meanwhile.
        processor_ms: of the service for each answer, slow ones left out where they ran beside.
        client_ms: of a processor that the client took for each answer.
        by_processor: answers in a second that two processors make which have nothing else to do.
    """

    name: str
    slow_beside: int
    per_second: float
    p50_ms: float
    p99_ms: float
    answers: int
    refused: int
    slow_answered: int
    processor_ms: float | None
    client_ms: float
    by_processor: float | None


ROWS: tuple[tuple[str, Callable[[int], Question], int], ...] = (
    ("parameters, distinct", params, 0),
    ("FLOPs, distinct", flops, 0),
    ("scaling laws, distinct", scaling, 0),
    ("training step, distinct", memory, 0),
    ("training step with advice, distinct", train, 0),
    ("serving, distinct", infer, 0),
    ("own card, distinct", local, 0),
    ("mixed, distinct", mixed, 0),
    ("mixed, distinct", mixed, SLOW_BESIDE),
    ("mixed, held", held, 0),
)


class Connection:
    """One kept connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def to(cls, port: int) -> Connection:
        return cls(*await asyncio.open_connection("127.0.0.1", port, limit=2**24))

    async def ask(self, question: Question) -> tuple[int, bytes]:
        """The status and body of a response."""
        ask, body = question
        head = (
            f"POST /api/v1/{ask} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
        )
        self.writer.write(f"{head}\r\n\r\n".encode() + body)
        answered = await self.reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", answered)
        assert length is not None
        return int(answered[9:12]), await self.reader.readexactly(int(length[1]))

    def close(self) -> None:
        self.writer.close()


def processor_seconds(pid: int) -> float:
    """What a process and those below it have taken of processors so far."""
    ticks = os.sysconf("SC_CLK_TCK")
    found = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            rest = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # it has ended meanwhile
            continue
        if int(folder.name) == pid or int(rest[1]) == pid:
            found += int(rest[11]) + int(rest[12])
    return found / ticks


async def measured(port: int, pid: int, name: str, ask: Callable[[int], Question], beside: int, seconds: float) -> Row:
    """One row."""
    numbers, slow_numbers = itertools.count(), itertools.count()
    end = time.perf_counter() + seconds
    took: list[float] = []
    refused: list[int] = []

    async def asking() -> None:
        connection = await Connection.to(port)
        while (began := time.perf_counter()) < end:
            status, _ = await connection.ask(ask(next(numbers)))
            if status == 200:
                took.append(time.perf_counter() - began)
            else:
                refused.append(status)
        connection.close()

    async def asking_slowly() -> int:
        connection, count = await Connection.to(port), 0
        while time.perf_counter() < end:
            status, _ = await connection.ask(slow(int(1000 * seconds) + next(slow_numbers)))
            count += status == 200
        connection.close()
        return count

    slowly = [asyncio.create_task(asking_slowly()) for _ in range(beside)]
    began, before, own = time.perf_counter(), processor_seconds(pid), time.process_time()
    await asyncio.gather(*(asking() for _ in range(CONNECTIONS)))
    spent, processor = time.perf_counter() - began, processor_seconds(pid) - before
    client = time.process_time() - own
    answered = sum(await asyncio.gather(*slowly))
    each = None if beside else 1000 * processor / max(1, len(took))
    quantiles = statistics.quantiles(took, n=100)
    return Row(
        name,
        beside,
        round(len(took) / spent, 1),
        round(1000 * quantiles[49], 2),
        round(1000 * quantiles[98], 2),
        len(took),
        len(refused),
        answered,
        None if each is None else round(each, 3),
        round(1000 * client / max(1, len(took)), 3),
        None if each is None else round(2000 / each, 1),
    )


@contextmanager
def served(*options: str) -> Iterator[tuple[int, int]]:
    """A service on a free port, warm: the port, and its process. Its log goes nowhere."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-c", "from weighbridge.cli import main; main()", "serve", "--port", str(port), *options]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            _wait_until_ready(port)
            yield port, process.pid
        finally:
            process.terminate()
            process.wait(60)


def _wait_until_ready(port: int, most: float = 60.0) -> None:
    end = time.monotonic() + most
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=5) as answered:
                if answered.status == 200:
                    return
        except OSError:
            if time.monotonic() > end:
                raise
        time.sleep(0.1)


async def run(port: int, pid: int, seconds: float) -> list[Row]:
    """All rows, after a short one that is not counted."""
    await measured(port, pid, "", mixed, 0, 1.0)
    rows = []
    for name, ask, beside in ROWS:
        rows.append(await measured(port, pid, name, ask, beside, seconds))
        print(line(rows[-1]), flush=True)
    return rows


HEAD = "".join(
    (
        f"{'question':38}{'slow beside':>12}{'per second':>12}{'p50':>10}{'p99':>10}",
        f"{'refused':>9}{'slow answered':>15}{'processor':>12}{'client':>10}{'by processor':>14}",
    )
)


def line(row: Row) -> str:
    """A row for people."""
    return (
        f"{row.name:38}{row.slow_beside:>12}{row.per_second:>12,.1f}{row.p50_ms:>7.1f} ms{row.p99_ms:>7.1f} ms"
        f"{row.refused:>9,}{row.slow_answered:>15,}{_or_none(row.processor_ms, ' ms', 12)}"
        f"{row.client_ms:>7.2f} ms{_or_none(row.by_processor, ' /s', 14)}"
    )


def _or_none(value: float | None, unit: str, width: int) -> str:
    return f"{'' if value is None else f'{value:,.2f}{unit}':>{width}}"


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of each row")
    parser.add_argument("--json", type=Path, help="write the rows there")
    asked = parser.parse_args()
    machine = f"{platform.machine()}, {len(os.sched_getaffinity(0))} processors, Python {platform.python_version()}"
    load = round(os.getloadavg()[0], 1)
    print(f"{machine}; other programs' load before: {load}\n{HEAD}")
    with served() as (port, pid):
        rows = asyncio.run(run(port, pid, asked.seconds))
    if asked.json:
        data = {
            "machine": machine,
            "load_before": load,
            "connections": CONNECTIONS,
            "rows": [asdict(row) for row in rows],
        }
        asked.json.write_text(json.dumps(data, indent=2) + "\n", "utf-8")
    if refused := sum(row.refused for row in rows):
        sys.exit(f"{refused:,} questions were not answered")


if __name__ == "__main__":
    main()
