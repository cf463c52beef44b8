"""The JSON contract of the command line: stable keys; bytes and counts as whole numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from typing_extensions import TypedDict  # pydantic reads typing's own only from Python 3.12 on

from weighbridge.estimate.comparison import Comparison
from weighbridge.estimate.compute import FlopReport
from weighbridge.estimate.conventions import differences
from weighbridge.estimate.generation import Generation
from weighbridge.models import Model
from weighbridge.models.catalogue import Entry
from weighbridge.report.hardware_schema import (
    ClusterEntry as ClusterEntry,
)
from weighbridge.report.hardware_schema import (
    ClusterLevel as ClusterLevel,
)
from weighbridge.report.hardware_schema import (
    ClusterNetwork as ClusterNetwork,
)
from weighbridge.report.hardware_schema import (
    Clusters as Clusters,
)
from weighbridge.report.hardware_schema import (
    DeviceEntry as DeviceEntry,
)
from weighbridge.report.hardware_schema import (
    DeviceFigure as DeviceFigure,
)
from weighbridge.report.hardware_schema import (
    clusters as clusters,
)
from weighbridge.report.parameters_schema import (
    Identity as Identity,
)
from weighbridge.report.parameters_schema import (
    ParameterCounts as ParameterCounts,
)
from weighbridge.report.parameters_schema import (
    ParameterNode as ParameterNode,
)
from weighbridge.report.parameters_schema import (
    Parameters as Parameters,
)
from weighbridge.report.parameters_schema import (
    QuantisedCheckpoint as QuantisedCheckpoint,
)
from weighbridge.report.parameters_schema import (
    Size as Size,
)
from weighbridge.report.parameters_schema import (
    StoredTensorsEntry as StoredTensorsEntry,
)
from weighbridge.report.parameters_schema import (
    identity as identity,
)
from weighbridge.report.parameters_schema import (
    parameters as parameters,
)
from weighbridge.report.plan_schema import (
    PlanDropout as PlanDropout,
)
from weighbridge.report.plan_schema import (
    PlanEcho as PlanEcho,
)
from weighbridge.report.plan_schema import (
    PlanEmitted as PlanEmitted,
)
from weighbridge.report.plan_schema import (
    PlanOffload as PlanOffload,
)
from weighbridge.report.plan_schema import (
    PlanPrecision as PlanPrecision,
)
from weighbridge.report.plan_schema import (
    PlanRecompute as PlanRecompute,
)
from weighbridge.report.plan_schema import (
    PlanSaves as PlanSaves,
)
from weighbridge.report.time_schema import RunFigures, StepSeconds
from weighbridge.tree import Node, run


class FlopNode(TypedDict):
    """A module: one forward pass of its parent runs it ``passes`` times."""

    name: str
    module: str
    kind: str
    passes: int
    forward: int
    backward: int
    children: list[FlopNode]


class Workload(TypedDict):
    """What is run: sequences, tokens each, and whether masked pairs are left out."""

    batch: int
    sequence: int
    causal: bool


class Counts(TypedDict):
    """Floating-point operations of a training step."""

    forward: int
    backward: int
    training: int


class Generated(TypedDict):
    """Floating-point operations of a prompt and of the tokens after it."""

    prompt: int
    tokens: int
    prefill: int
    decode: int


class Flops(TypedDict):
    """``weighbridge flops --json``. ``generation`` is null without ``--decode``; ``tree`` is null for palm and 6nd."""

    model: Identity
    workload: Workload
    convention: str
    flops: Counts | None
    training_by_convention: dict[str, int]
    uncounted_values: dict[str, int]
    tree: FlopNode | None
    generation: Generated | None
    notes: list[str]


class Compared(TypedDict):
    """``weighbridge compare --json``: one object per model under the names of the columns."""

    models: list[dict[str, Any]]
    notes: list[str]


class RankMemory(TypedDict):
    """Bytes at a rank's highest moment by line of the ledger; they add up to its allocated peak, but where
    ``peak_at.direction`` is "between steps"."""

    weights: int
    gradients: int
    main_parameters: int
    optimizer: int
    activations: int
    logits_and_loss: int
    workspace: int
    communication: int


class PeakMoment(TypedDict):
    """What runs at a rank's highest moment."""

    operation: str
    module: str
    layer: int | None
    direction: str
    micro_batches: int


class Rank(TypedDict):
    """Any rank of one pipeline stage."""

    pipeline_stage: int
    parameters: int
    layers: int
    memory: RankMemory
    static_allocated_bytes: int
    peak_allocated_bytes: int
    peak_reserved_bytes: int
    allocator_bytes: int
    context_bytes: int
    device_total_bytes: int
    capacity_bytes: int | None
    free_bytes: int | None
    peak_at: PeakMoment


class ErrorBand(TypedDict):
    """How far estimates of a figure were from measured runs."""

    kind: str
    n: int
    median_percent: float
    p90_percent: float


class StepWork(TypedDict):
    """Floating-point operations of one step on all ranks."""

    model_per_step: int
    hardware_per_step: int


class PlanChange(TypedDict):
    """One change of the plan, weighed."""

    change: str
    options: dict[str, Any]
    frees_bytes: int
    device_total_bytes: int
    fits: bool | None
    hardware_flops_ratio: float
    more_flops: float


class Epoch(TypedDict):
    """One pass over a data set."""

    samples: int
    tokens: int
    sequences: int
    laid: str
    cut_samples: int
    padding: float
    steps: int
    seconds: float | None
    dollars: float | None


class Tuning(TypedDict):
    """What of a model is trained."""

    trained_parameters: int
    parameters: int
    reference: bool
    longest_sequence: int | None
    epoch: Epoch | None


class Training(TypedDict):
    """``weighbridge train --json`` and ``weighbridge megatron --json``."""

    model: Identity
    cluster: str | None
    plan: PlanEcho
    sizes: dict[str, list[int]]
    tuning: Tuning | None
    fits: bool | None
    too_close: bool
    worst_stage: int
    fullest_stage: int
    ranks: list[Rank]
    error_bands: list[ErrorBand]
    flops: StepWork
    time: StepSeconds | None
    cost: RunFigures | None
    changes: list[PlanChange]
    changes_add_up: bool
    warnings: list[str]
    notes: list[str]


class Standing(TypedDict):
    """Equal tensors that stand at the highest moment."""

    line: str
    name: str
    made_by: str
    axes: list[str]
    shape: list[int]
    dtype: str
    bytes: int
    count: int
    where: str
    kept: bool


class CatalogueEntry(TypedDict):
    """One model of the catalogue."""

    name: str
    title: str
    aliases: list[str]
    hugging_face: str
    model_type: str
    parameters: int
    source: str


class Catalogue(TypedDict):
    """``weighbridge models --json``."""

    models: list[CatalogueEntry]


def compute(
    report: FlopReport | None, model: Model, work: Any, convention: str, generation: Generation | None = None
) -> Flops:
    """FLOPs as plain data; without a report for conventions that are one formula for the whole model."""
    counts: Counts | None = None
    if report is not None:
        counts = {"forward": report.forward, "backward": report.backward, "training": report.training}
    return {
        "model": identity(model),
        "workload": {"batch": work.batch, "sequence": work.sequence, "causal": work.causal},
        "convention": convention,
        "flops": counts,
        "training_by_convention": {d.convention: d.training for d in differences(model, work, report)},
        "uncounted_values": report.uncounted() if report is not None else {},
        "tree": _flop_node(report, report.tree) if report is not None else None,
        "generation": _generated(generation),
        "notes": list(model.notes),
    }


def _generated(generation: Generation | None) -> Generated | None:
    if generation is None:
        return None
    return {
        "prompt": generation.prompt,
        "tokens": generation.tokens,
        "prefill": generation.prefill.forward,
        "decode": generation.decode.forward,
    }


def _flop_node(report: FlopReport, node: Node) -> FlopNode:
    return {
        "name": node.name,
        "module": type(node.module).__name__,
        "kind": node.kind.value,
        "passes": run(node),
        "forward": report.of(node, "forward"),
        "backward": report.of(node, "backward"),
        "children": [_flop_node(report, child) for child in node.children],
    }


def comparison(report: Comparison) -> Compared:
    """A comparison as plain data."""
    names = [name.replace(" ", "_").lower() for name in report.columns]
    return {"models": [dict(zip(names, row, strict=True)) for row in report.rows], "notes": list(report.notes)}


def catalogue(entries: Sequence[Entry]) -> Catalogue:
    """Entries of the catalogue as plain data."""
    return {
        "models": [
            {
                "name": entry.name,
                "title": entry.title,
                "aliases": list(entry.aliases),
                "hugging_face": entry.hugging_face,
                "model_type": entry.config["model_type"],
                "parameters": entry.parameters,
                "source": entry.source,
            }
            for entry in entries
        ]
    }


def families(named: Mapping[str, str]) -> dict[str, list[dict[str, str]]]:
    """Families as plain data."""
    return {"families": [{"model_type": kind, "name": name} for kind, name in named.items()]}
