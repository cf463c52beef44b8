"""A step from beginning to end as plain data: what every stage does when, and the memory of one of them."""

from __future__ import annotations

from typing_extensions import TypedDict  # pydantic reads typing's own only from Python 3.12 on

from weighbridge.estimate.memory.ledger import Line
from weighbridge.estimate.memory.stage import Stage
from weighbridge.estimate.memory.timeline import Track
from weighbridge.estimate.time.rows import Slice, StageRow
from weighbridge.estimate.training import Training
from weighbridge.parallel.schedule import FACTS
from weighbridge.report.time_schema import figure
from weighbridge.report.trace import Lanes, lanes_of


class TimelineSlice(TypedDict):
    """One thing that a stage does. Micro-batch, chunk and virtual stage are null before the first pass and after the
    last.
    """

    doing: str
    start: float
    end: float
    micro_batch: int | None
    chunk: int | None
    virtual_stage: int | None


class TimelineStage(TypedDict):
    """What one pipeline stage does."""

    pipeline_stage: int
    passes: list[TimelineSlice]
    messages: list[TimelineSlice]


class TimelineMemory(TypedDict):
    """What stands on one stage: from each time on until the next, bytes by line of the ledger, and of all."""

    pipeline_stage: int
    times: list[float]
    bytes: dict[str, list[int]]
    total: list[int]
    peak: int


class StepTimeline(TypedDict):
    """One training step from its beginning to its end."""

    unit: str
    schedule: str
    duration: float
    bubble: float
    micro_batches: int
    micro_batches_drawn: int
    left_out_seconds: float | None
    every_layer: bool
    stages: list[TimelineStage]
    memory: TimelineMemory


def timeline(training: Training, stage: Stage) -> StepTimeline:
    """A step, with the memory of one stage."""
    lanes = lanes_of(training, stage.number)
    found, time = lanes.timeline, training.time
    return {
        "unit": "seconds" if time is not None else "passes",
        "schedule": FACTS[training.plan.order].title,
        "duration": figure(max(lane.end for lane in lanes.rows) if time is not None else found.duration),
        "bubble": figure(found.bubble),
        "micro_batches": found.micro_batches,
        "micro_batches_drawn": found.drawn,
        "left_out_seconds": None if time is None else figure(time.left_out),
        "every_layer": found.every_layer,
        "stages": [_stage(lane) for lane in lanes.rows],
        "memory": _memory(found.tracks[stage.number], lanes),
    }


def _stage(lane: StageRow) -> TimelineStage:
    return {
        "pipeline_stage": lane.number,
        "passes": [_slice(one) for one in lane.passes],
        "messages": [_slice(one) for one in lane.sent],
    }


def _slice(one: Slice) -> TimelineSlice:
    step = one.step
    return {
        "doing": one.doing.value,
        "start": figure(one.start),
        "end": figure(one.end),
        "micro_batch": None if step is None else step.micro_batch,
        "chunk": None if step is None else step.chunk,
        "virtual_stage": None if step is None else one.place,
    }


def _memory(track: Track, lanes: Lanes) -> TimelineMemory:
    samples = track.samples
    totals = [sample.bytes for sample in samples]
    columns = zip(*(sample.levels for sample in samples), strict=True)
    return {
        "pipeline_stage": track.number,
        "times": [figure(lanes.first + sample.time) for sample in samples],
        "bytes": {line.value: list(levels) for line, levels in zip(Line, columns, strict=True)},
        "total": totals,
        "peak": max(totals),
    }
