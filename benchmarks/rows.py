"""Measurements of training memory: the schema of a row, its check, and the files that hold rows.

``benchmarks/measurements/`` has one JSON Lines file per source, one row per figure; README.md there describes it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NotRequired, TypedDict, get_args

HERE = Path(__file__).parent
MEASUREMENTS = HERE / "measurements"
MEASURED = HERE / "measured"
"""Rows that ``benchmarks/gpu`` wrote; there may be none."""

Kind = Literal["megatron", "plan", "fine-tuning", "formula"]
"""What describes the run: a Megatron-LM argument list; a plan; a plan of fine-tuning. "formula": not measured but
computed by the source."""

CounterName = Literal[
    "allocated", "max_allocated", "max_active", "max_reserved", "device", "states", "activations", "fits"
]
"""What was read; README.md says what each is."""

Place = int | Literal["last", "first", "highest", "sum"]
"""A rank; the last; any of the first stage; the highest of all; all added up."""


class Environment(TypedDict):
    """Where a Megatron-LM run stood."""

    image: str
    platform: str | None
    variables: dict[str, str]


class Row(TypedDict):
    """One figure."""

    id: str
    source: str
    kind: Kind
    counter: CounterName
    bytes: int | None
    rank: Place
    device: str | None
    gpus: int | None
    current: bool
    model: NotRequired[str | dict[str, Any]]
    changes: NotRequired[dict[str, Any]]
    plan: NotRequired[dict[str, Any]]
    tuning: NotRequired[dict[str, Any]]
    arguments: NotRequired[list[str]]
    environment: NotRequired[Environment]
    software: NotRequired[str]
    vocab_size: NotRequired[int]
    judged: NotRequired[list[str]]
    unknown: NotRequired[list[str]]
    rounded_to: NotRequired[int]
    own_estimate: NotRequired[int]
    repeat_of: NotRequired[str]
    fits: NotRequired[bool]
    percent: NotRequired[float]
    baseline: NotRequired[str]


REQUIRED: dict[str, type | tuple[type, ...]] = {
    "id": str,
    "source": str,
    "kind": str,
    "counter": str,
    "bytes": (int, type(None)),
    "rank": (int, str),
    "device": (str, type(None)),
    "gpus": (int, type(None)),
    "current": bool,
}
OPTIONAL: dict[str, type | tuple[type, ...]] = {
    "model": (str, dict),
    "changes": dict,
    "plan": dict,
    "tuning": dict,
    "arguments": list,
    "environment": dict,
    "software": str,
    "vocab_size": int,
    "judged": list,
    "unknown": list,
    "rounded_to": int,
    "own_estimate": int,
    "repeat_of": str,
    "fits": bool,
    "percent": float,
    "baseline": str,
}
PLAN = frozenset(
    (
        *("tensor", "pipeline", "virtual", "context", "expert", "expert_tensor", "sequence_parallel"),
        *("micro_batch", "global_batch", "sequence", "framework", "schedule", "group", "zero", "precision"),
        *("optimizer", "recompute", "offload", "kernels", "accumulation_fusion", "imbalance", "prediction"),
        "expandable_segments",
    )
)
"""Fields of a row's plan: those of :class:`weighbridge.parallel.plan.Plan`, in JSON."""

TUNING = frozenset({"method", "rank", "targets", "trainable", "base", "packed", "lengths", "compiled"})


def problems(row: Mapping[str, Any]) -> Iterator[str]:
    """What of a row is not as the schema says."""
    for name, types in REQUIRED.items():
        if name not in row:
            yield f"{name} is missing"
        elif not isinstance(row[name], types):
            yield f"{name} is {row[name]!r}"
    for name, value in row.items():
        if name not in REQUIRED and not isinstance(value, OPTIONAL.get(name, ())):
            yield f"{name}: {value!r} is not of the schema"
    if row.get("kind") not in get_args(Kind):
        yield f"kind {row.get('kind')!r} is none"
    if row.get("counter") not in get_args(CounterName):
        yield f"counter {row.get('counter')!r} is none"
    yield from _problems_of_content(row)


def _problems_of_content(row: Mapping[str, Any]) -> Iterator[str]:
    if isinstance(row.get("rank"), str) and row["rank"] not in ("last", "first", "highest", "sum"):
        yield f"rank {row['rank']!r} is none"
    if row.get("kind") == "megatron":
        if not all(isinstance(token, str) for token in row.get("arguments", [None])):
            yield "arguments must be strings"
        if set(row.get("environment", ())) != {"image", "platform", "variables"}:
            yield "environment must have image, platform and variables"
    elif "plan" not in row:
        yield "plan is missing"
    yield from (f"plan.{name} is no field of a plan" for name in row.get("plan", {}) if name not in PLAN)
    yield from (f"tuning.{name} is no field" for name in row.get("tuning", {}) if name not in TUNING)
    if (row.get("counter") == "fits") != ("fits" in row):
        yield "fits belongs to the counter of that name"
    measured = row.get("bytes")
    if (measured is None) != ("percent" in row) or ("percent" in row) != ("baseline" in row):
        yield "a figure is bytes, or percent of a baseline"
    if isinstance(measured, int) and (isinstance(measured, bool) or measured <= 0):
        yield f"bytes is {measured!r}"


def read(folder: Path = MEASUREMENTS) -> dict[str, list[Row]]:
    """Every row by the name of its file."""
    return {path.stem: read_file(path) for path in sorted(folder.glob("*.jsonl"))}


def read_file(path: Path) -> list[Row]:
    """The rows of one file."""
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def write_file(path: Path, rows: Iterable[Row]) -> None:
    """One row a line."""
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    path.write_text(text, encoding="utf-8")
