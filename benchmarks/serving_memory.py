"""Memory of the HTTP service over many requests, good ones, malformed ones and hostile ones mixed.

``python -m benchmarks.serving_memory`` starts ``weighbridge serve`` on the loopback with its usual caches, sends it
100,000 requests, and prints what each of its processes holds (the resident set, and what of it is its own alone) as it
goes. Every question that is good is one that was never asked before. It ends with status 1 where a request is answered
with 5xx, a worker is lost, or a process holds more at the end than after the first half, beyond the allowance.

Requests that a refusal leaves without a connection open another, as a client would.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import platform
import random
import sys
import time
import urllib.request
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.serving_load import Connection, Question, compare, flops, memory, params, scaling, served

REQUESTS = 100_000
CONNECTIONS = 12
SAMPLES = 20
ALLOWED = 8 * 2**20
"""Bytes that a process may hold more at the end than after the first half: arenas of the allocator that fill up. In
the first half the service fills its cache of answers (64 MiB), and workers their tables of what they computed.
"""

GOOD = (params, params, flops, scaling, compare, memory)


def good(number: int) -> Question:
    """A question that nobody asked before."""
    return GOOD[number % len(GOOD)](number)


def malformed(number: int) -> Question:
    """A good question with some of its bytes gone, doubled or changed."""
    draw = random.Random(number)
    ask, body = good(number)
    text = bytearray(body)
    for _ in range(draw.randrange(1, 4)):
        at = draw.randrange(len(text))
        kind = draw.randrange(4)
        if kind == 0:
            del text[at:]
        elif kind == 1:
            text[at:at] = text[:at]
        elif kind == 2:
            text[at] = draw.randrange(256)
        else:
            del text[at]
        if not text:
            break
    return ask, bytes(text)


def hostile(number: int) -> Question:
    """A body made to hurt: deep, long, huge, with names of its own, or none at all."""
    own = f"{number:x}".encode()
    bodies = (
        b"[" * (50_000 + number % 1000),
        b'{"model":' + b'{"a":' * 900 + b'"' + own + b'"' + b"}" * 901,
        b'{"model":{"hidden_size":1' + b"0" * (number % 4000) + b"}}",
        b'{"model":"' + own * 5000 + b'"}',
        b'{"model":{"' + own * 300 + b'":1,"model_type":"llama"}}',
        b'{"model":"\\ud800' + own + b'"}',
        b'{"options":{"x' + own + b'":NaN}}',
        b'{"model":{"model_type":"llama","hidden_size":64,"layers_' + own + b'":[' + b"1," * 4000 + b"1]}}",
        b'{"model":"gpt2","options":{' + b",".join(b'"o%d%s":1' % (i, own) for i in range(300)) + b"}}",
        b'{"model":"gpt2","files":{"' + own + b'":{"base64":"' + b"QUJD" * 5000 + b'"}}}',
        b'{"model":"gpt2","options":{"set":{"n_layer":' + str(10**9 + number).encode() + b"}}}",
        b"\xff\xfe" + own,
        b"",
    )
    return ("params", "train", "answer")[number % 3], bodies[number % len(bodies)]


KINDS = {"good": good, "malformed": malformed, "hostile": hostile}


@dataclass(frozen=True)
class Sample:
    """What the processes hold at a moment.

    Attributes:
        requests: answered so far.
        resident: bytes of each process, the service first.
        own: those of them that no other process shares.
    """

    requests: int
    resident: tuple[int, ...]
    own: tuple[int, ...]


def held(pid: int) -> tuple[int, int]:
    """A process's resident bytes, and those of its own alone."""
    found: Counter[str] = Counter()
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        name, _, rest = line.partition(":")
        if rest.endswith("kB"):
            found[name] += 1024 * int(rest.split()[0])
    return found["Rss"], found["Private_Clean"] + found["Private_Dirty"]


def sample(pid: int, requests: int) -> Sample:
    """What the service and its workers hold."""
    workers = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    every = [held(one) for one in (pid, *map(int, workers))]
    return Sample(requests, tuple(one[0] for one in every), tuple(one[1] for one in every))


async def send(port: int, pid: int, requests: int) -> tuple[list[Sample], dict[str, Counter[int]]]:
    """All requests; what was held meanwhile, and statuses by kind."""
    numbers = itertools.count()
    statuses = {kind: Counter[int]() for kind in KINDS}
    samples: list[Sample] = []
    marks = [requests * mark // SAMPLES for mark in range(SAMPLES + 1)]

    async def sending() -> None:
        connection = await Connection.to(port)
        while (number := next(numbers)) < requests:
            if number == marks[len(samples)]:
                samples.append(sample(pid, number))
                print(line(samples[-1]), flush=True)
            kind = ("good", "good", "malformed", "hostile")[number % 4]
            try:
                status, _ = await connection.ask(KINDS[kind](number))
            except (asyncio.IncompleteReadError, ConnectionError):
                status = 0
            statuses[kind][status] += 1
            if status in (0, 408, 413):
                connection.close()
                connection = await Connection.to(port)
        connection.close()

    await asyncio.gather(*(sending() for _ in range(CONNECTIONS)))
    samples.append(sample(pid, requests))
    print(line(samples[-1]), flush=True)
    return samples, statuses


def line(at: Sample) -> str:
    """A sample for people."""
    return f"{at.requests:>9,}" + "".join(f"{size / 2**20:>9.1f}" for size in at.own)


def restarts(port: int) -> int:
    """Workers that were lost."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as page:
        lines = page.read().decode().splitlines()
    return sum(int(float(one.split()[-1])) for one in lines if one.startswith("weighbridge_workers_restarts{"))


def main() -> None:
    """Send, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=REQUESTS)
    parser.add_argument("--cache", type=int, help="bytes of answers that are held; fewer fill up sooner")
    parser.add_argument("--json", type=Path, help="write the figures there")
    asked = parser.parse_args()
    machine = f"{platform.machine()}, {len(os.sched_getaffinity(0))} processors, Python {platform.python_version()}"
    print(f"{machine}\n requests  MiB of the service's own process, and of each worker's own")
    began = time.perf_counter()
    with served(*([] if asked.cache is None else ["--cache", str(asked.cache)])) as (port, pid):
        samples, statuses = asyncio.run(send(port, pid, asked.requests))
        lost = restarts(port)
    seconds = time.perf_counter() - began
    half, last = samples[SAMPLES // 2], samples[-1]
    grown = [after - before for before, after in zip(half.own, last.own, strict=False)]
    failed = sum(count for of in statuses.values() for status, count in of.items() if status >= 500 or status == 0)
    for kind, of in statuses.items():
        print(f"{kind:10}" + ", ".join(f"{count:,} x {status}" for status, count in sorted(of.items())))
    print(f"grown since the first half: {', '.join(f'{size / 2**20:+.1f} MiB' for size in grown)}; lost: {lost}")
    if asked.json:
        data = {
            "machine": machine,
            "requests": asked.requests,
            "seconds": round(seconds, 1),
            "statuses": {kind: {str(status): of[status] for status in sorted(of)} for kind, of in statuses.items()},
            "workers_lost": lost,
            "grown_since_first_half": grown,
            "samples": [asdict(one) for one in samples],
        }
        asked.json.write_text(json.dumps(data, indent=2) + "\n", "utf-8")
    if failed or lost or max(grown) > ALLOWED:
        sys.exit(f"{failed:,} failed, {lost} workers lost, {max(grown):,} bytes grown")


if __name__ == "__main__":
    main()
