"""The time of a step and the cost of a run as plain data: seconds, dollars, kilowatt-hours as numbers."""

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict  # pydantic reads typing's own only from Python 3.12 on

from weighbridge.estimate.costing import Costing
from weighbridge.estimate.quicker import quicker
from weighbridge.estimate.time.bounds import idle, parts
from weighbridge.estimate.time.step import StageTime, StepTime
from weighbridge.estimate.time_band import time_band
from weighbridge.report.change_options import plan_options
from weighbridge.traced import plain


class StagePasses(TypedDict):
    """Seconds of one pipeline stage: of a micro-batch, and before the first and after the last."""

    pipeline_stage: int
    forward_seconds: float
    backward_seconds: float
    weights_awaited_seconds: float
    gradients_and_optimizer_seconds: float
    multiply_pace: float


class TimeBand(TypedDict):
    """How far estimated step times were from measured ones."""

    kind: str
    n: int
    median_percent: float
    p90_percent: float


class TimeBasis(TypedDict):
    """What the speeds of kernels and messages rest on, in words."""

    kernels: str
    messages: str


class TimeChange(TypedDict):
    """One change of the plan that shortens a step and fits, timed."""

    change: str
    options: dict[str, Any]
    step_seconds: float
    saves: float | None
    tokens_per_second_per_gpu: float
    device_total_bytes: int


class StepSeconds(TypedDict):
    """The time of one training step."""

    step_seconds: float
    breakdown: dict[str, float]
    waits_for: dict[str, dict[str, float]]
    last_stage: int
    idle_share: float
    tokens_per_step: int
    tokens_per_second: float
    tokens_per_second_per_gpu: float
    model_tflops_per_gpu: float
    hardware_tflops_per_gpu: float
    mfu: float
    hfu: float
    stages: list[StagePasses]
    basis: TimeBasis
    error_band: TimeBand | None
    changes: list[TimeChange]


class RunFigures(TypedDict):
    """A training run of so many tokens."""

    tokens: int
    steps: int
    seconds: float
    busy_seconds: float
    days: float
    gpu_hours: float
    price_per_gpu_hour: float | None
    dollars: float | None
    dollars_per_billion_parameters: float | None
    mean_watts_per_gpu: float | None
    pue: float
    energy_kwh: float | None
    grid_kg_per_kwh: float
    co2_kg: float | None
    goodput: float
    mtbf_gpu_hours: float
    mtbf_seconds: float
    interruptions: float
    recovery_seconds: float
    checkpoint_bytes: int
    storage_bytes_per_second: float
    checkpoint_seconds: float
    checkpoint_interval_seconds: float
    sources: dict[str, str]


DIGITS = 10
"""Significant digits of figures that are not counts: no more than machines agree on."""


def figure(value: Any) -> float:
    """A figure in no more digits than machines agree on."""
    return float(f"{float(plain(value)):.{DIGITS}g}")


def _known(value: Any) -> float | None:
    return None if value is None else figure(value)


def step(time: StepTime | None, advice: bool = True) -> StepSeconds | None:
    """A step's time; ``None`` without a cluster. ``advice``: with what would shorten it."""
    if time is None:
        return None
    found = parts(time)
    return {
        "step_seconds": figure(time.step_seconds),
        "breakdown": {part.name: figure(part.seconds) for part in found},
        "waits_for": {part.name: {bound.value: figure(spent) for bound, spent in part.waits.items()} for part in found},
        "last_stage": time.last,
        "idle_share": figure(idle(time)),
        "tokens_per_step": int(plain(time.tokens)),
        "tokens_per_second": figure(time.tokens_per_second),
        "tokens_per_second_per_gpu": figure(time.tokens_per_second_per_gpu),
        "model_tflops_per_gpu": figure(time.model_tflops_per_gpu),
        "hardware_tflops_per_gpu": figure(time.hardware_tflops_per_gpu),
        "mfu": figure(time.mfu),
        "hfu": figure(time.hfu),
        "stages": [_stage(number, stage) for number, stage in enumerate(time.stages)],
        "basis": {"kernels": time.clock.speeds.basis, "messages": time.clock.links.basis},
        "error_band": _band(time),
        "changes": _changes(time) if advice else [],
    }


def _stage(number: int, stage: StageTime) -> StagePasses:
    return {
        "pipeline_stage": number,
        "forward_seconds": figure(stage.forward),
        "backward_seconds": figure(stage.backward),
        "weights_awaited_seconds": figure(stage.head),
        "gradients_and_optimizer_seconds": figure(stage.tail),
        "multiply_pace": figure(stage.pace),
    }


def _band(time: StepTime) -> TimeBand | None:
    band = time_band(time.training)
    if band is None:
        return None
    return {"kind": band.kind, "n": band.n, "median_percent": band.median_percent, "p90_percent": band.p90_percent}


def _changes(time: StepTime) -> list[TimeChange]:
    return [
        {
            "change": change.title,
            "options": plan_options(time.training.plan, change.training.plan),
            "step_seconds": figure(change.step_seconds),
            "saves": _known(change.saves),
            "tokens_per_second_per_gpu": figure(change.tokens_per_second_per_gpu),
            "device_total_bytes": change.in_use,
        }
        for change in quicker(time.training)
    ]


def cost(found: Costing | None) -> RunFigures | None:
    """A run's cost; ``None`` where it was not asked for."""
    if found is None:
        return None
    run = found.run
    return {
        "tokens": run.tokens,
        "steps": run.steps,
        "seconds": figure(run.seconds),
        "busy_seconds": figure(run.busy_seconds),
        "days": figure(run.days),
        "gpu_hours": figure(run.gpu_hours),
        "price_per_gpu_hour": run.price_per_gpu_hour,
        "dollars": _known(run.dollars),
        "dollars_per_billion_parameters": _known(run.dollars_per_billion_parameters),
        "mean_watts_per_gpu": _known(run.mean_watts),
        "pue": run.pue,
        "energy_kwh": _known(run.energy_kwh),
        "grid_kg_per_kwh": run.grid_kg_per_kwh,
        "co2_kg": _known(run.co2_kg),
        "goodput": figure(run.goodput),
        "mtbf_gpu_hours": figure(run.mtbf_gpu_hours),
        "mtbf_seconds": figure(run.mtbf_seconds),
        "interruptions": figure(run.interruptions),
        "recovery_seconds": figure(run.recovery_seconds),
        "checkpoint_bytes": run.checkpoint_bytes,
        "storage_bytes_per_second": figure(run.storage_bytes_per_second),
        "checkpoint_seconds": figure(run.checkpoint_seconds),
        "checkpoint_interval_seconds": figure(run.checkpoint_interval),
        "sources": found.sources,
    }
