"""The trace of a step in seconds: what Perfetto reads, in order, adding up to the step."""

from __future__ import annotations

import itertools
import json
from collections import defaultdict
from typing import Any, Literal

import pytest
from pydantic import ConfigDict, TypeAdapter
from typing_extensions import TypedDict

import weighbridge as wb
from tests.estimate.time.steps import EXPERTS, ONE, PIPED, STEPS
from weighbridge.report.trace import PASSES, SENT, trace


class Complete(TypedDict):
    """A slice (Trace Event Format, phase X)."""

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True)  # type: ignore[misc]
    name: str
    cat: str
    ph: Literal["X"]
    ts: float
    dur: float
    pid: int
    tid: int
    args: dict[str, float]


class Counter(TypedDict):
    """A counter (phase C)."""

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True)  # type: ignore[misc]
    name: str
    ph: Literal["C"]
    ts: float
    pid: int
    args: dict[str, int]


class Meta(TypedDict):
    """A name of a process or a thread (phase M)."""

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True)  # type: ignore[misc]
    name: Literal["process_name", "process_sort_index", "process_labels", "thread_name"]
    ph: Literal["M"]
    ts: int
    pid: int
    tid: int
    args: dict[str, str | int]


def events(training: wb.Training, phase: str) -> list[dict[str, Any]]:
    return [event for event in trace(training)["traceEvents"] if event["ph"] == phase]


@pytest.mark.parametrize("name", STEPS)
def test_events_are_of_the_format(name: str) -> None:
    data = json.loads(json.dumps(trace(STEPS[name])))
    assert data["displayTimeUnit"] == "ms"
    TypeAdapter(list[Complete | Counter | Meta]).validate_python(data["traceEvents"])
    assert {event["ph"] for event in data["traceEvents"]} == {"M", "X", "C"}


@pytest.mark.parametrize("name", STEPS)
def test_slices_of_a_thread_follow_one_another(name: str) -> None:
    found: dict[tuple[int, int], list[dict[str, Any]]] = defaultdict(list)
    for event in events(STEPS[name], "X"):
        assert event["dur"] > 0
        found[event["pid"], event["tid"]].append(event)
    for (_, thread), slices in found.items():
        for before, after in itertools.pairwise(slices):
            assert before["ts"] <= after["ts"]
            if thread == PASSES:
                assert before["ts"] + before["dur"] <= after["ts"] + 0.002


@pytest.mark.parametrize("name", STEPS)
def test_the_stage_that_is_done_last_adds_up_to_the_step(name: str) -> None:
    training = STEPS[name]
    time = training.time
    assert time is not None
    own = [event for event in events(training, "X") if event["pid"] == time.last]
    span = max(event["ts"] + event["dur"] for event in own) - min(event["ts"] for event in own)
    about = trace(training)["otherData"]
    assert about["step_seconds"] == time.step_seconds
    assert span / 1e6 + about["left_out_seconds"] == pytest.approx(time.step_seconds, abs=1e-8)


@pytest.mark.parametrize("name", STEPS)
def test_what_a_pass_consists_of_adds_up_to_it(name: str) -> None:
    for event in events(STEPS[name], "X"):
        parts = {key: value for key, value in event["args"].items() if key.endswith("_ms")}
        halves = [parts.pop(key, 0) for key in ("input_gradients_ms", "weight_gradients_ms")]
        if event["tid"] == SENT or not parts:
            continue
        assert sum(parts.values()) <= event["dur"] / 1000 * (1 + 1e-6) + 1e-4
        if event["cat"] == "backward":
            assert sum(halves) == pytest.approx(event["dur"] / 1000, rel=1e-3, abs=2e-6)


@pytest.mark.parametrize("name", ["one", "piped", "experts"])
def test_memory_reaches_the_highest_moment_in_the_same_trace(name: str) -> None:
    training = STEPS[name]
    highest: dict[int, int] = defaultdict(int)
    times: dict[int, list[float]] = defaultdict(list)
    for event in events(training, "C"):
        highest[event["pid"]] = max(highest[event["pid"]], sum(event["args"].values()))
        times[event["pid"]].append(event["ts"])
    assert highest == {stage.number: stage.highest_moment for stage in training.stages}
    assert all(found == sorted(found) for found in times.values())


def test_messages_have_a_thread_of_their_own() -> None:
    assert {event["tid"] for event in events(PIPED, "X")} == {PASSES, SENT}
    assert {event["tid"] for event in events(ONE, "X")} == {PASSES}
    names = {event["args"]["name"] for event in events(PIPED, "M") if event["name"] == "thread_name"}
    assert names == {"forward and backward", "messages to other stages"}
    assert any("expert_messages_exposed_ms" in event["args"] for event in events(EXPERTS, "X"))


def test_without_a_cluster_time_is_in_units() -> None:
    data = trace(wb.train("gpt2", wb.Plan.under(gpus=2, pipeline=2, sequence=1024)))
    assert data["otherData"]["time"].startswith("time is in units")
    assert "step_seconds" not in data["otherData"]
    assert {event["dur"] for event in data["traceEvents"] if event["ph"] == "X"} == {1000, 2000}
