"""The timeline of a step as a trace that Perfetto (ui.perfetto.dev) and chrome://tracing load.

One process per pipeline stage: a thread with a slice for every forward and backward pass, and a counter of the memory
that stands, stacked by the lines of the ledger. Format: Trace Event Format (Chrome), events of phases X, C and M.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from weighbridge import __version__
from weighbridge.estimate.memory.ledger import Line
from weighbridge.estimate.memory.stage import Stage
from weighbridge.estimate.memory.timeline import Slice, Timeline, Track, timeline
from weighbridge.estimate.training import Training
from weighbridge.parallel.schedule import FACTS
from weighbridge.report.tree import owner

MICROSECONDS = 1000
"""Of one unit of time."""

UNITS = "time is in units, not seconds: a forward pass of a chunk takes 1 unit (shown as 1 ms), a backward pass 2"


def trace(training: Training) -> dict[str, Any]:
    """A step's timeline as plain data, to be written as JSON."""
    found = timeline(training)
    stages = zip(found.tracks, training.stages, strict=True)
    return {
        "traceEvents": [event for track, stage in stages for event in _events(track, stage, found.left_out)],
        "displayTimeUnit": "ms",
        "otherData": about(training, found),
    }


def about(training: Training, found: Timeline) -> dict[str, Any]:
    """What the trace shows."""
    moments = "every layer at its highest and after it" if found.every_layer else "each pass at its highest"
    return {
        "made_by": f"weighbridge {__version__}",
        "model": training.model.name,
        "cluster": str(training.cluster) if training.cluster else "",
        "schedule": FACTS[training.plan.order].title,
        "time": UNITS,
        "bubble": round(found.bubble, 4),
        "micro_batches": found.left_out or f"all {found.micro_batches:,}",
        "memory": f"allocated bytes of one rank of the stage; {moments}",
    }


def _events(track: Track, stage: Stage, left_out: str) -> Iterator[dict[str, Any]]:
    pid = track.number
    name = owner(stage)
    yield _meta(pid, "process_name", name=f"{name} ({left_out})" if left_out else name)
    yield _meta(pid, "process_sort_index", sort_index=pid)
    yield _meta(pid, "process_labels", labels=UNITS)
    yield _meta(pid, "thread_name", name="forward and backward")
    several = len(stage.virtual) > 1
    for piece in track.slices:
        yield _slice(pid, piece, stage, several)
    for sample in track.samples:
        levels = {line.value: level for line, level in zip(Line, sample.levels, strict=True)}
        yield {"name": "memory", "ph": "C", "ts": _micro(sample.time), "pid": pid, "args": levels}


def _meta(pid: int, event: str, **args: Any) -> dict[str, Any]:
    return {"name": event, "ph": "M", "ts": 0, "pid": pid, "tid": 0, "args": args}


def _slice(pid: int, piece: Slice, stage: Stage, several: bool) -> dict[str, Any]:
    step = piece.step
    chunk = f", chunk {step.chunk}" if several else ""
    return {
        "name": f"{step.action.value} {step.micro_batch}{chunk}",
        "cat": step.action.value,
        "ph": "X",
        "ts": _micro(piece.start),
        "dur": _micro(piece.end) - _micro(piece.start),
        "pid": pid,
        "tid": 0,
        "args": {
            "micro_batch": step.micro_batch,
            "chunk": step.chunk,
            "virtual_stage": piece.place,
            "layers": stage.training.layout[piece.place].layers,
        },
    }


def _micro(time: float) -> int:
    return round(time * MICROSECONDS)
