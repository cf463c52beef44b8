"""A step as a trace that Perfetto (ui.perfetto.dev) and chrome://tracing load.

One process per pipeline stage: a thread with a slice for every pass and what stands before and after them, a thread for
messages to other stages, and a counter of the memory that stands, stacked by the lines of the ledger. Time is the
estimate's; without a cluster, units in which a forward pass takes 1. Format: Trace Event Format (Chrome), events of
phases X, C and M.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from weighbridge import __version__
from weighbridge.estimate.memory.ledger import Line
from weighbridge.estimate.memory.stage import Stage
from weighbridge.estimate.memory.timeline import Timeline, Track, timeline
from weighbridge.estimate.time.chunk import ChunkPasses, Pass
from weighbridge.estimate.time.rows import Doing, Slice, StageRow, origin, rows
from weighbridge.estimate.time.step import StageTime
from weighbridge.estimate.training import Training
from weighbridge.parallel.schedule import FACTS
from weighbridge.report.tree import owner
from weighbridge.traced import plain

UNITS = "time is in units, not seconds: a forward pass of a chunk takes 1 unit (shown as 1 ms), a backward pass 2"

SECONDS = "time as estimated"

PASSES, SENT = 0, 1
"""Threads of a stage."""


@dataclass(frozen=True)
class Scale:
    """How times are written.

    Attributes:
        each: microseconds of a second, or of a unit.
        first: when the first passes begin.
        said: the same in words.
        digits: of a microsecond that are written.
    """

    each: float
    first: float
    said: str
    digits: int = 0

    def micro(self, time: float) -> float:
        """Microseconds: whole nanoseconds of seconds, whole microseconds of units."""
        return round(time * self.each, self.digits) if self.digits else round(time * self.each)


@dataclass(frozen=True)
class Lanes:
    """A step as pictures and traces show it.

    Attributes:
        timeline: the schedule with the memory that stands.
        rows: what every stage does from when to when, in seconds or, without a cluster, in units.
        first: when the first passes begin, from which the timeline counts.
    """

    timeline: Timeline
    rows: tuple[StageRow, ...]
    first: float


def lanes_of(training: Training, only: int | None = None) -> Lanes:
    """A step, with the memory of all its stages, or of one only."""
    time = training.time
    if time is None:
        found = timeline(training, only=only)
        return Lanes(found, tuple(_units(track) for track in found.tracks), 0.0)
    lanes, first = rows(time), origin(time)
    found = timeline(training, time.ran, [_stepped(lane, first) for lane in lanes], only)
    return Lanes(found, lanes, first)


def trace(training: Training) -> dict[str, Any]:
    """A step's timeline as plain data."""
    lanes = lanes_of(training)
    found = lanes.timeline
    scale = Scale(1e3, 0.0, UNITS) if training.time is None else Scale(1e6, lanes.first, SECONDS, 3)
    events = [
        event
        for track, lane, stage in zip(found.tracks, lanes.rows, training.stages, strict=True)
        for event in _events(track, lane, stage, scale, found.left_out)
    ]
    return {"traceEvents": events, "displayTimeUnit": "ms", "otherData": about(training, found, scale)}


def written(training: Training) -> str:
    """The trace as the text of a file."""
    return json.dumps(trace(training), separators=(",", ":")) + "\n"


def _stepped(lane: StageRow, first: float) -> tuple[float, float]:
    """When a stage's optimizer begins and ends, from the first pass on; where it takes no time, at the end."""
    own = next((one for one in lane.passes if one.doing is Doing.OPTIMIZER), None)
    return (own.start - first, own.end - first) if own else (lane.end - first, lane.end - first)


def _units(track: Track) -> StageRow:
    """A stage's passes where no cluster gives them a duration."""
    passes = (Slice(Doing(p.step.action.value), p.start, p.end, p.step, p.place) for p in track.slices)
    return StageRow(track.number, tuple(passes), ())


def about(training: Training, found: Timeline, scale: Scale) -> dict[str, Any]:
    """What the trace shows."""
    moments = "every layer at its highest and after it" if found.every_layer else "each pass at its highest"
    said: dict[str, Any] = {
        "made_by": f"weighbridge {__version__}",
        "model": training.model.name,
        "cluster": str(training.cluster) if training.cluster else "",
        "schedule": FACTS[training.plan.order].title,
        "time": scale.said,
        "bubble": round(found.bubble, 4),
        "micro_batches": found.left_out or f"all {found.micro_batches:,}",
        "memory": f"allocated bytes of one rank of the stage; {moments}",
    }
    if training.time is not None:
        said["step_seconds"] = training.time.step_seconds
        said["left_out_seconds"] = training.time.left_out
    return said


def _events(track: Track, lane: StageRow, stage: Stage, scale: Scale, left_out: str) -> Iterator[dict[str, Any]]:
    pid = lane.number
    name = owner(stage)
    yield _meta(pid, "process_name", name=f"{name} ({left_out})" if left_out else name)
    yield _meta(pid, "process_sort_index", sort_index=pid)
    yield _meta(pid, "process_labels", labels=scale.said)
    yield _meta(pid, "thread_name", name="forward and backward")
    if lane.sent:
        yield _meta(pid, "thread_name", SENT, name="messages to other stages")
    for thread, slices in ((PASSES, lane.passes), (SENT, lane.sent)):
        for piece in slices:
            yield _slice(pid, thread, piece, stage, scale)
    for sample in track.samples:
        levels = {line.value: level for line, level in zip(Line, sample.levels, strict=True)}
        yield {"name": "memory", "ph": "C", "ts": scale.micro(scale.first + sample.time), "pid": pid, "args": levels}


def _meta(pid: int, event: str, thread: int = PASSES, **args: Any) -> dict[str, Any]:
    return {"name": event, "ph": "M", "ts": 0, "pid": pid, "tid": thread, "args": args}


def _slice(pid: int, thread: int, piece: Slice, stage: Stage, scale: Scale) -> dict[str, Any]:
    step = piece.step
    start = scale.micro(piece.start)
    event: dict[str, Any] = {
        "name": piece.doing.value,
        "cat": piece.doing.value,
        "ph": "X",
        "ts": start,
        "dur": round(scale.micro(piece.end) - start, 3),
        "pid": pid,
        "tid": thread,
        "args": {},
    }
    if step is not None:
        several = len(stage.virtual) > 1
        event["name"] += f" {step.micro_batch}" + (f", chunk {step.chunk}" if several else "")
        event["args"] = {
            "micro_batch": step.micro_batch,
            "chunk": step.chunk,
            "virtual_stage": piece.place,
            "layers": stage.training.layout[piece.place].layers,
        }
        time = stage.training.time
        if time is not None and thread == PASSES:
            event["args"] |= consists(time.stages[stage.number], piece)
    return event


def consists(stage: StageTime, piece: Slice) -> dict[str, float]:
    """Milliseconds of a pass: kernels, messages that nothing hides by channel, waiting for the host, and the halves of
    a backward pass.
    """
    assert piece.step is not None
    passes = _passes(stage.chunks[piece.step.chunk], piece.doing)
    found: dict[str, float] = {}
    for own in passes:
        _add(found, "kernels_ms", own.computing)
        for doing, count in own.runs:
            for message in doing.messages:
                _add(found, f"{message.channel.name.lower()}_messages_exposed_ms", count * message.exposed)
        _add(found, "weights_or_gradients_awaited_ms", own.waits)
        _add(found, "host_awaited_ms", own.late)
    if piece.doing is Doing.BACKWARD:
        for name, own in zip(("input_gradients_ms", "weight_gradients_ms"), passes, strict=True):
            _add(found, name, own.seconds)
    return {name: round(value, 6) for name, value in found.items()}


def _add(found: dict[str, float], name: str, seconds: Any) -> None:
    value = 1000 * float(plain(seconds))
    if value > 0:
        found[name] = found.get(name, 0.0) + value


def _passes(chunk: ChunkPasses, doing: Doing) -> tuple[Pass, ...]:
    return {
        Doing.FORWARD: (chunk.forward,),
        Doing.BACKWARD: (chunk.inputs, chunk.weights),
        Doing.BACKWARD_INPUT: (chunk.inputs,),
        Doing.BACKWARD_WEIGHT: (chunk.weights,),
    }[doing]
