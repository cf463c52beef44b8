"""Measurements of training memory and time: the schema of a row, its check, and the files that hold rows.

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

Kind = Literal["megatron", "plan", "fine-tuning", "formula", "serving", "local"]
"""What describes the run: a Megatron-LM argument list; a plan; a plan of fine-tuning. "formula": not measured but
computed by the source. "serving": a deployment and its load. "local": a quantised model on one's own devices."""

MemoryCounter = Literal[
    "allocated", "max_allocated", "max_active", "max_reserved", "device", "states", "activations", "fits"
]
TimeCounter = Literal[
    "step_seconds",
    "layer_seconds",
    "tokens_per_second_per_gpu",
    "model_tflops_per_gpu",
    "hardware_tflops_per_gpu",
    "mfu",
    "hfu",
    "ttft_seconds",
    "tpot_seconds",
    "decode_tokens_per_second",
    "prompt_tokens_per_second",
]
CounterName = MemoryCounter | TimeCounter
"""What was read; README.md says what each is."""

MEMORY: frozenset[str] = frozenset(get_args(MemoryCounter))
TIME: frozenset[str] = frozenset(get_args(TimeCounter))

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
    device: str | None
    gpus: int | None
    current: bool
    bytes: NotRequired[int]
    value: NotRequired[float]
    percent: NotRequired[float]
    baseline: NotRequired[str]
    rank: NotRequired[Place]
    derived_from: NotRequired[str]
    model: NotRequired[str | dict[str, Any]]
    changes: NotRequired[dict[str, Any]]
    plan: NotRequired[dict[str, Any]]
    execution: NotRequired[dict[str, Any]]
    cluster: NotRequired[dict[str, Any]]
    tuning: NotRequired[dict[str, Any]]
    serving: NotRequired[dict[str, Any]]
    local: NotRequired[dict[str, Any]]
    arguments: NotRequired[list[str]]
    environment: NotRequired[Environment]
    software: NotRequired[str]
    vocab_size: NotRequired[int]
    judged: NotRequired[list[str]]
    unknown: NotRequired[list[str]]
    release: NotRequired[str]
    convention: NotRequired[str]
    rounded_to: NotRequired[float]
    own_estimate: NotRequired[float]
    repeat_of: NotRequired[str]
    fits: NotRequired[bool]


REQUIRED: dict[str, type | tuple[type, ...]] = {
    "id": str,
    "source": str,
    "kind": str,
    "counter": str,
    "device": (str, type(None)),
    "gpus": (int, type(None)),
    "current": bool,
}
OPTIONAL: dict[str, type | tuple[type, ...]] = {
    "bytes": int,
    "value": float,
    "percent": float,
    "baseline": str,
    "rank": (int, str),
    "derived_from": str,
    "model": (str, dict),
    "changes": dict,
    "plan": dict,
    "execution": dict,
    "cluster": dict,
    "tuning": dict,
    "serving": dict,
    "local": dict,
    "arguments": list,
    "environment": dict,
    "software": str,
    "vocab_size": int,
    "judged": list,
    "unknown": list,
    "release": str,
    "convention": str,
    "rounded_to": (int, float),
    "own_estimate": (int, float),
    "repeat_of": str,
    "fits": bool,
}
PLAN = frozenset(
    (
        *("tensor", "pipeline", "virtual", "context", "expert", "expert_tensor", "sequence_parallel"),
        *("micro_batch", "global_batch", "sequence", "framework", "schedule", "group", "zero", "precision"),
        *("optimizer", "recompute", "offload", "kernels", "accumulation_fusion", "imbalance", "prediction"),
        *("expandable_segments", "overlaps_tensor", "layout"),
    )
)
"""Fields of a row's plan: those of :class:`weighbridge.parallel.plan.Plan`, in JSON."""

EXECUTION: dict[str, type] = {
    "overlap_gradient_reduce": bool,
    "overlap_parameter_gather": bool,
    "overlap_pipeline": bool,
    "overlap_shared_experts": bool,
    "delay_weight_gradients": bool,
    "sum_beside": bool,
    "defer_embedding_wgrad": bool,
    "cuda_graphs": list,
    "dispatcher": str,
    "balanced_routing": bool,
    "drops_tokens": bool,
    "offloaded_layers": int,
    "registered_buffers": bool,
    "boosted_clocks": bool,
    "end_to_end": bool,
}
"""What bears on time and has no field in a plan; README.md says what each is."""

CLUSTER = frozenset({"gpus_per_node", "network_bandwidth", "device_overrides"})
"""Where the cluster is not the device's usual: fields of a cluster's TOML file."""

SERVING = frozenset(
    (
        *("engine", "tensor", "pipeline", "data", "expert", "compute", "cache", "prompt", "output", "batch", "chunk"),
        *("memory_share", "cached_prompt", "shortest", "rounds", "poll", "slots", "drafted", "accepted"),
        "quantisation",
    )
)
"""Fields of :class:`weighbridge.parallel.serving.Serving`, in JSON, and how weights are packed."""

LOCAL = frozenset({"quantisation", "context", "build", "past", "beside"})
"""Of a model on one's own devices; README.md says what each is."""

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
    if row.get("counter") not in MEMORY | TIME:
        yield f"counter {row.get('counter')!r} is none"
    yield from _problems_of_content(row)


def _problems_of_content(row: Mapping[str, Any]) -> Iterator[str]:
    yield from _problems_of_run(row)
    yield from _problems_of_figure(row)


def _problems_of_run(row: Mapping[str, Any]) -> Iterator[str]:
    if row.get("kind") == "megatron":
        if not all(isinstance(token, str) for token in row.get("arguments", [None])):
            yield "arguments must be strings"
        if set(row.get("environment", ())) != {"image", "platform", "variables"}:
            yield "environment must have image, platform and variables"
    elif row.get("kind") == "local":
        if not {"quantisation", "context", "build"} <= set(row.get("local", ())):
            yield "local must have quantisation, context and build"
    elif ("serving" if row.get("kind") == "serving" else "plan") not in row:
        yield "plan is missing"
    yield from (f"serving.{name} is no field" for name in row.get("serving", {}) if name not in SERVING)
    yield from (f"plan.{name} is no field of a plan" for name in row.get("plan", {}) if name not in PLAN)
    yield from (f"local.{name} is no field" for name in row.get("local", {}) if name not in LOCAL)
    yield from (f"tuning.{name} is no field" for name in row.get("tuning", {}) if name not in TUNING)
    yield from (f"cluster.{name} is no field of a cluster" for name in row.get("cluster", {}) if name not in CLUSTER)
    for name, value in row.get("execution", {}).items():
        if name not in EXECUTION:
            yield f"execution.{name} is no switch"
        elif type(value) is not EXECUTION[name]:
            yield f"execution.{name} is {value!r}"


WAITED = frozenset({"ttft_seconds", "tpot_seconds"})
"""Counters of what users of a deployment wait for."""

MADE = frozenset({"decode_tokens_per_second", "prompt_tokens_per_second"})
"""Counters of tokens of one user on devices of one's own."""

COUNTED: frozenset[str] = TIME - WAITED - MADE - {"step_seconds", "layer_seconds", "tokens_per_second_per_gpu"}
"""Counters that depend on how FLOPs are counted."""


def _problems_of_figure(row: Mapping[str, Any]) -> Iterator[str]:
    counter = row.get("counter")
    figures = [name for name in ("bytes", "value", "percent") if name in row]
    if len(figures) != 1 or ("percent" in row) != ("baseline" in row):
        yield "a figure is bytes, or a value in the counter's unit, or percent of a baseline"
    if (counter in TIME) != ("value" in row):
        yield "counters of time have a value, others have none"
    if (counter in MEMORY) != ("rank" in row):
        yield "counters of memory have a rank, others have none"
    if isinstance(row.get("rank"), str) and row["rank"] not in ("last", "first", "highest", "sum"):
        yield f"rank {row['rank']!r} is none"
    if "convention" in row and counter not in COUNTED:
        yield "convention belongs to counters of FLOPs"
    if (counter == "fits") != ("fits" in row):
        yield "fits belongs to the counter of that name"
    for name in figures:
        figure = row[name]
        if isinstance(figure, bool) or (isinstance(figure, int | float) and figure <= 0):
            yield f"{name} is {figure!r}"


def figure_of(row: Row) -> float:
    """What was measured: bytes, a value in the counter's unit, or percent of the row's baseline."""
    for name in ("bytes", "value", "percent"):
        if name in row:
            return row[name]
    raise KeyError(f"{row['id']} has no figure")


def read(folder: Path = MEASUREMENTS) -> dict[str, list[Row]]:
    """Every row by the name of its file."""
    return {path.stem: read_file(path) for path in sorted(folder.glob("*.jsonl"))}


def read_file(path: Path) -> list[Row]:
    """The rows of one file."""
    with path.open(encoding="utf-8") as lines:
        return [row for line in lines for row in _apart(json.loads(line))]


def _apart(line: dict[str, Any]) -> Iterator[Row]:
    """The rows of a line: of a run with several figures one for each counter, whose name ends their identifiers."""
    figures = line.pop("figures", None)
    if figures is None:
        yield line  # type: ignore[misc]
        return
    for counter, value in figures.items():
        yield {**line, "id": f"{line['id']}/{counter}", "counter": counter, "value": value}  # type: ignore[typeddict-item]


def _together(rows: Iterable[Row]) -> Iterator[dict[str, Any]]:
    """Lines of a file: figures of one deployment stand in one."""
    runs: dict[str, dict[str, Any]] = {}
    for row in rows:
        if row["kind"] != "serving" or "value" not in row:
            yield dict(row)
            continue
        name = row["id"].rpartition("/")[0]
        rest = {k: v for k, v in row.items() if k not in ("counter", "value")} | {"id": name, "figures": {}}
        runs.setdefault(name, rest)["figures"][row["counter"]] = row["value"]
    yield from runs.values()


def write_file(path: Path, rows: Iterable[Row]) -> None:
    """One row, or run, a line."""
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in _together(rows))
    path.write_text(text, encoding="utf-8")
