"""Estimates of rows: each distinct question is asked once, and its answer serves every row that asks it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any

from benchmarks import local
from benchmarks.requests import Asked, NotYetError, key, request
from benchmarks.rows import COUNTED, TIME, Row
from benchmarks.score import Scored
from benchmarks.serving import deployment
from weighbridge.errors import WeighbridgeError
from weighbridge.estimate.compute import EXACT
from weighbridge.estimate.conventions import training_flops
from weighbridge.estimate.memory.ledger import Line
from weighbridge.estimate.time.step import StepTime
from weighbridge.estimate.training import Training
from weighbridge.tape import Pass

COUNTERS = {
    "allocated": ("static_allocated",),
    "max_allocated": ("peak_allocated",),
    "max_active": ("peak_active", "peak_allocated"),
    "max_reserved": ("peak_reserved",),
    "device": ("device_total",),
    "fits": ("device_total", "peak_reserved", "peak_allocated"),
}
"""The attributes of a stage that answer a counter; the first that it has counts."""

CLOCKED = {
    "step_seconds": 1.0,
    "tokens_per_second_per_gpu": 1.0,
    "model_tflops_per_gpu": 1.0,
    "hardware_tflops_per_gpu": 1.0,
    "mfu": 100.0,
    "hfu": 100.0,
}
"""The attributes of ``training.time`` that answer a counter of time, and what they are multiplied by for its unit."""

WAITED = {"ttft_seconds": "ttft", "tpot_seconds": "tpot"}
"""The attributes of a deployment that answer a counter of time."""

READ = "megatron/*_tp1_pp1_*/step_seconds"
"""Rows that a constant was read from, the host's seconds per operation (weighbridge.estimate.time.launches): they say
nothing of how good the estimates are, and are not scored."""

STATES = (Line.WEIGHTS, Line.GRADIENTS, Line.MAIN, Line.OPTIMIZER)


@dataclass(frozen=True)
class Answer:
    """What the package says of one question.

    Attributes:
        stages: per pipeline stage, bytes by counter.
        ledgers: per pipeline stage, bytes by line of the ledger.
        time: figures by counter of time.
        needs: why there is no estimate; empty where there is one.
    """

    stages: list[dict[str, int]] = field(default_factory=list)
    ledgers: list[dict[str, int]] = field(default_factory=list)
    time: dict[str, float] = field(default_factory=dict)
    needs: str = ""


def answer(row: Row) -> Answer:
    """Ask the package for the memory, or the time, of a row's run."""
    try:
        if row["kind"] == "serving":
            return _served(row)
        if row["kind"] == "local":
            stages, time, needs = local.figures(row)
            return Answer(stages=stages, time=time, needs=needs)
        asked = request(row)
        return _timed(asked, row.get("convention", EXACT)) if row["counter"] in TIME else _answered(asked)
    except (NotYetError, WeighbridgeError) as reason:
        return Answer(needs=str(reason))
    except Exception as failure:  # an estimator at work: a row that breaks it is listed, it does not end the score
        return Answer(needs=f"an estimator that does not fail ({type(failure).__name__}: {failure})")


def _answered(asked: Asked) -> Answer:
    training = Training(asked.model, asked.plan, asked.cluster)
    found = Answer()
    for stage in training.stages:
        lines = {str(line): int(bytes) for line, bytes in stage.ledger.lines.items()}
        figures = {"activations": lines[Line.ACTIVATIONS], "states": sum(lines[line] for line in STATES)}
        for counter, attributes in COUNTERS.items():
            value = next((getattr(stage, name) for name in attributes if hasattr(stage, name)), None)
            if value is not None:
                figures[counter] = int(value)
        found.stages.append(figures)
        found.ledgers.append(lines)
    return found


def _served(row: Row) -> Answer:
    """What users of a deployment wait for."""
    asked = deployment(row)
    return Answer(time={name: float(getattr(asked, attribute)) for name, attribute in WAITED.items()})


def _timed(asked: Asked, convention: str) -> Answer:
    """Figures of time; those that depend on how FLOPs are counted as the row's source counts them."""
    training: Any = Training(asked.model, asked.plan, asked.cluster)
    if not hasattr(type(training), "time"):
        return Answer(needs="a step time")
    time = training.time
    figures = {name: unit * float(getattr(time, name)) for name, unit in CLOCKED.items() if hasattr(time, name)}
    if len(time.stages) == 1:
        figures["layer_seconds"] = layer_seconds(time)
    work = Pass(batch=1, sequence=asked.plan.sequence, prediction=asked.plan.prediction)
    counted, own = (int(training_flops(asked.model, work, name)) for name in (convention, EXACT))
    return Answer(time={name: value * counted / own if name in COUNTED else value for name, value in figures.items()})


def layer_seconds(time: StepTime) -> float:
    """Seconds of the first layer's forward and backward pass on the device, for one micro-batch: the second of the
    stage's runs, after the embedding.
    """
    runs = [(own, own.runs[1][0]) for own in time.stages[0].passes]
    alone = (replace(own, runs=((doing, 1),), waits=0.0, launches=0, hidden=0.0) for own, doing in runs)
    return sum(float(own.device) for own in alone)


def answers(rows: Iterable[Row], jobs: int = 1) -> dict[str, Answer]:
    """Answers to the distinct questions of some rows."""
    questions: dict[str, Row] = {}
    for row in rows:
        questions.setdefault(key(row), row)
    if jobs == 1:
        return {name: answer(row) for name, row in questions.items()}
    with ProcessPoolExecutor(jobs) as pool:
        return dict(zip(questions, pool.map(answer, questions.values(), chunksize=4), strict=True))


def stages_of(row: Row, stages: Sequence[Any]) -> Sequence[Any]:
    """The stages whose ranks a row's figure was read on."""
    place = row.get("rank")
    if place == "last":
        return stages[-1:]
    if place == "first":
        return stages[:1]
    if isinstance(place, int):
        assert row["gpus"] is not None
        number = place * len(stages) // row["gpus"]  # stages are the outermost of the ranks' orders
        return stages[number : number + 1]
    return stages


def estimate(row: Row, found: Answer) -> tuple[float | None, str]:
    """A row's figure by the package in the row's unit; ``None`` and what it needs where there is none."""
    if found.needs:
        return None, found.needs
    if fnmatchcase(row["id"], READ):
        return None, "a constant that was not read from it"
    counter = row["counter"]
    if counter in TIME:
        value = found.time.get(counter)
        return value, "" if value is not None else f"an estimate of {counter.replace('_', ' ')}"
    figures = [stage.get(counter) for stage in stages_of(row, found.stages)]
    known = [figure for figure in figures if figure is not None]
    if len(known) < len(figures) or not known:
        return None, f"an estimate of {counter.replace('_', ' ')}"
    if row.get("rank") == "sum":
        assert row["gpus"] is not None
        return sum(known) * row["gpus"] / len(known), ""
    return max(known), ""


def score(sources: Mapping[str, Sequence[Row]], jobs: int = 1) -> list[Scored]:
    """Every row with its estimate."""
    rows = {row["id"]: row for source in sources.values() for row in source}
    found = answers(rows.values(), jobs)
    scored = []
    for source, own in sources.items():
        for row in own:
            value, needs = estimate(row, found[key(row)])
            if value is not None and "baseline" in row:
                base, needs = estimate(rows[row["baseline"]], found[key(rows[row["baseline"]])])
                value = 100 * value / base if base else None
            scored.append(Scored(row, source, value, needs))
    return scored


def ledger(row: Row, found: Answer) -> Mapping[str, int]:
    """The ledger of the stage that a row's figure was read on; the highest of several."""
    return max(stages_of(row, found.ledgers), key=lambda lines: sum(lines.values()))
