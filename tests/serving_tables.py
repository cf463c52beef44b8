"""Tables of docs/service.md and docs/page.md, from what the benchmarks of the service and of the page wrote."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parents[1] / "benchmarks" / "results"

Table = tuple[tuple[str, ...], Iterator[tuple[str, ...]]]


def _read(name: str) -> Any:
    return json.loads((RESULTS / name).read_text("utf-8"))


def load() -> Table:
    """Answers per second, and what each takes."""
    data = _read("serving_load.json")
    head = ("questions", "answers per second", "p50", "p99", "processor, each", "client, each", "by two processors")
    return head, (_row(row) for row in data["rows"])


def machine() -> str:
    """On what the load was measured, and what else ran."""
    data = _read("serving_load.json")
    busy = f"other programs kept {data['load_before']:g} processors busy or waiting when it began"
    return f"\n{data['machine']}, {data['connections']} connections; {busy}:\n\n"


def _row(row: dict[str, Any]) -> tuple[str, ...]:
    beside = f", {row['slow_beside']} slow ones beside" if row["slow_beside"] else ""
    own = "" if row["processor_ms"] is None else f"{row['processor_ms']:,.2f} ms"
    by = "" if row["by_processor"] is None else f"{row['by_processor']:,.0f} /s"
    client = f"{row['client_ms']:.2f} ms"
    waits = (f"{row['p50_ms']:,.1f} ms", f"{row['p99_ms']:,.1f} ms")
    return (row["name"] + beside, f"{row['per_second']:,.0f}", *waits, own, client, by)


def memory() -> Table:
    """What each process holds of its own, as requests come."""
    data = _read("serving_memory.json")
    samples = data["samples"]
    workers = len(samples[0]["own"]) - 1
    head = ("requests", "the service", *(f"worker {number + 1}" for number in range(workers)))
    chosen = [sample for sample in samples if sample["requests"] * 4 % data["requests"] == 0]
    return head, ((f"{s['requests']:,}", *(f"{size / 2**20:.1f} MiB" for size in s["own"])) for s in chosen)


def statuses() -> Table:
    """What requests were answered with."""
    data = _read("serving_memory.json")
    found = data["statuses"]
    every = sorted({status for of in found.values() for status in of})
    return ("requests", *every), ((kind, *(f"{of.get(one, 0):,}" for one in every)) for kind, of in found.items())


def page_speed() -> Table:
    """Milliseconds until the page answers."""
    found = _read("page_speed.json")["milliseconds"]
    head = ("what", "n", "median", "p95", "worst")
    return head, ((name, str(row["n"]), *(f"{row[one]:,.0f} ms" for one in head[2:])) for name, row in found.items())


def page_sizes() -> Table:
    """Bytes of the built page."""
    sizes = _read("page_speed.json")["sizes"]
    every = {**sizes["parts"], "**total**": sizes["total"]}
    return ("part", "bytes"), ((part, f"{size:,}") for part, size in every.items())


TABLES: dict[str, Callable[[], Table]] = {
    "page sizes": page_sizes,
    "page speed": page_speed,
    "service load": load,
    "service memory": memory,
    "service statuses": statuses,
}
