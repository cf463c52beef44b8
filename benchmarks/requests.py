"""From a row to what the package is asked: a model, a plan and a cluster; or why it cannot be asked yet."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from importlib import import_module
from typing import Any

from benchmarks import finetuning
from benchmarks.rows import TIME, Row
from weighbridge.errors import WeighbridgeError
from weighbridge.formats.loading import load
from weighbridge.formats.megatron import patterns
from weighbridge.hardware import Cluster, cluster
from weighbridge.hardware.table import from_table
from weighbridge.kernels import Attention, Backend, Exchange, Kernels
from weighbridge.models import Model, catalogue
from weighbridge.parallel.framework import FRAMEWORKS
from weighbridge.parallel.optimizer import optimizer
from weighbridge.parallel.plan import Offload, Plan
from weighbridge.parallel.precision import Precision, Recipe, mixed, pure, single, stored_in_fp32
from weighbridge.parallel.recompute import MODULES, PER_OPERATION, Method, Recompute, Saves
from weighbridge.parallel.schedule import Schedule
from weighbridge.parallel.zero import Engine, Zero
from weighbridge.units import DATA_TYPES

BASES: dict[str, Callable[[], Precision]] = {
    "mixed-bf16": lambda: mixed("bf16"),
    "mixed-fp16": lambda: mixed("fp16"),
    "stored-in-fp32": stored_in_fp32,
    "pure-bf16": lambda: pure("bf16"),
    "fp32": single,
}
SELECTIVE = {
    ("per_op",): Recompute(Method.UNIFORM, saves=PER_OPERATION),
    ("every_second_layer",): Recompute(Method.EVERY, layers=2),
}
"""torchtitan's selective checkpointing."""

BLOCKING = (
    *("plan.tensor", "plan.pipeline", "plan.micro_batch", "plan.global_batch", "plan.recompute", "plan.virtual"),
    *("plan.expert", "plan.sequence", "model.", "gpus", "serving."),
)
"""What a source leaves out that no estimate can do without."""

BATCHLESS = ("plan.global_batch",)
"""Of it, what only time cannot do without."""


NEW_IMAGE = "2025-11-06"
"""The image for long-term support is PyTorch 25.09 from this day on, 24.01 before (docker/.ngc_version.lts): that has
no flash-attention that is deterministic, and no streams of its own for Transformer Engine's grouped multiplies."""

WEIGHS_ACTIVATIONS, SUMS_BY_INDEX, KEEPS_DUMMIES = "2025-04-09", "2025-10-16", "2025-08-01"
"""Since when weights multiply experts' activations, not their results (Megatron-LM, merge request 2668); since when
deterministic runs sum results by index_add (3816); since when dummy weight gradients are kept from step to step."""


class NotYetError(Exception):
    """The row cannot be estimated; the words say what it needs."""


@dataclass(frozen=True)
class Asked:
    """What the package is asked.

    Attributes:
        model: what is trained.
        plan: how.
        cluster: on what; ``None`` where the source does not say.
    """

    model: Model
    plan: Plan
    cluster: Cluster | None


def key(row: Row) -> str:
    """Equal for rows that ask the same."""
    asked = ("kind", "model", "changes", "plan", "tuning", "serving", "local", "arguments", "environment", "software")
    names = (*asked, "vocab_size", "device", "gpus", "unknown", "cluster", "execution", "convention")
    figure = row["kind"] == "local" and row["counter"]
    return json.dumps([row.get(name) for name in names] + [row["counter"] in TIME, figure], sort_keys=True)


def left_open(row: Row) -> list[str]:
    """What the source leaves out that an estimate of this row cannot do without."""
    needed = BLOCKING if row["counter"] in TIME else [name for name in BLOCKING if name not in BATCHLESS]
    return [name for name in row.get("unknown", ()) if name.startswith(tuple(needed))]


def request(row: Row) -> Asked:
    """What the package is asked for a row.

    Raises:
        NotYetError: where something is missing.
    """
    if row["kind"] == "fine-tuning" and not finetuning.known(row):
        raise NotYetError(f"fine-tuning ({row['tuning']['method']})")
    blank = left_open(row)
    if row["counter"] in TIME and row["device"] is None:
        blank.append("device")
    if blank:
        raise NotYetError(f"{', '.join(blank)}: the source does not say")
    try:
        hardware = cluster_of(row)
        if row["kind"] == "megatron":
            return _megatron(row, hardware)
        model, plan = model_of(row), _plan(row["plan"], row["gpus"] or 1)
        if row["kind"] == "fine-tuning":
            return Asked(finetuning.tuned(row, model), finetuning.planned(row, plan), hardware)
        return Asked(model, _executed(plan, row.get("execution", {})), hardware)
    except WeighbridgeError as error:
        raise NotYetError(str(error)) from None


def cluster_of(row: Row) -> Cluster | None:
    """What a row ran on; ``None`` where the source does not say."""
    if row["device"] is None:
        return None
    try:
        usual = cluster(f"{row['gpus'] or 1}x{row['device']}")
    except WeighbridgeError:
        raise NotYetError(f"the device {row['device']}") from None
    if "cluster" not in row:
        return usual
    return from_table({"device": row["device"], "gpus": usual.gpus} | row["cluster"])


def model_of(row: Row) -> Model:
    """The model of a row."""
    given, changes = row["model"], row.get("changes", {})
    if row["kind"] == "fine-tuning":
        given, changes = finetuning.standing_for(given), changes | finetuning.changes(row)
    if isinstance(given, str) and catalogue.find(given) is None:
        raise NotYetError(f"the model {given}")
    return _load(json.dumps([given, changes], sort_keys=True))


@cache
def _load(text: str) -> Model:
    given, changes = json.loads(text)
    return load(given, changes)


def _megatron(row: Row, hardware: Cluster | None) -> Asked:
    try:
        door = import_module("weighbridge.formats.megatron")
    except ImportError:
        raise NotYetError("weighbridge.formats.megatron") from None
    if not hasattr(door, "load"):
        raise NotYetError("weighbridge.formats.megatron.load")
    offered = {
        "world_size": row["gpus"],
        "vocab_size": row["vocab_size"],
        "environment": row["environment"]["variables"],
    }
    known = inspect.signature(door.load).parameters
    found = door.load(row["arguments"], **{name: value for name, value in offered.items() if name in known})
    plan = _as_it_ran(found.plan, row)
    workspace = row["environment"]["variables"].get("CUBLAS_WORKSPACE_CONFIG")
    if workspace and plan.cublas_workspace is None:
        plan = replace(plan, cublas_workspace=cublas_workspace(workspace))
    if row["counter"] in TIME:
        plan = replace(plan, global_batch=_first_batch(row["arguments"]) or plan.global_batch)
    return Asked(found.model, plan, hardware)


def _first_batch(arguments: list[str]) -> int | None:
    """The batch of a test's iterations, where it grows with the tokens seen: a test ends before it does."""
    if "--step-batch-size-schedule" not in arguments:
        return None
    schedule = arguments[arguments.index("--step-batch-size-schedule") + 1]
    return int(schedule.split()[0].rpartition(":")[2])


FIELDS = {
    "overlap_gradient_reduce": "overlaps_gradients",
    "overlap_parameter_gather": "overlaps_parameters",
    "overlap_pipeline": "overlaps_pipeline",
    "overlap_shared_experts": "overlaps_shared_experts",
    "delay_weight_gradients": "delays_weight_gradients",
    "sum_beside": "sums_beside",
    "cuda_graphs": "graphs",
}
"""Switches of ``rows.EXECUTION`` that :class:`weighbridge.parallel.execution.Execution` has, by its fields."""


def _executed(plan: Plan, switches: Mapping[str, Any]) -> Plan:
    """A plan under a row's switches."""
    known = {FIELDS[name]: value for name, value in switches.items() if name in FIELDS}
    plan = replace(plan, execution=replace(plan.execution, **_tuples(known)))
    if switches.get("dispatcher") in ("deepep", "hybridep"):
        routing = replace(plan.kernels.routing, exchange=Exchange.FLEX, backend=Backend(switches["dispatcher"]))
        plan = replace(plan, kernels=replace(plan.kernels, routing=routing))
    if switches.get("offloaded_layers") and plan.pipeline == 1:  # Megatron-Core refuses it with a pipeline
        plan = replace(plan, offload=replace(plan.offload, layers=switches["offloaded_layers"]))
    return plan


def _as_it_ran(plan: Plan, row: Row) -> Plan:
    """A plan for the newest software as that of the row's day ran it; measurements/README.md has the sources."""
    variables, day = row["environment"]["variables"], row.get("software", "")
    old_image = row["environment"]["image"] == "lts" and day < NEW_IMAGE
    kernels, routing = plan.kernels, plan.kernels.routing
    if old_image and variables.get("NVTE_ALLOW_NONDETERMINISTIC_ALGO") == "0" and kernels.attention is Attention.AUTO:
        kernels = replace(kernels, attention=Attention.UNFUSED)
    routing = replace(
        routing,
        grouped=routing.grouped and not old_image,
        deterministic=routing.deterministic and day >= SUMS_BY_INDEX,
        weighs_results=routing.weighs_results or day < WEIGHS_ACTIVATIONS,
    )
    return replace(
        plan,
        kernels=replace(kernels, routing=routing),
        accumulation_fusion=plan.accumulation_fusion and not old_image and day >= KEEPS_DUMMIES,
        expandable_segments="expandable_segments:True" in variables.get("PYTORCH_CUDA_ALLOC_CONF", ""),
    )


def cublas_workspace(setting: str) -> int:
    """Bytes that ``CUBLAS_WORKSPACE_CONFIG`` sets: pairs of KiB and how many."""
    pairs = re.findall(r":(\d+):(\d+)", setting)
    return sum(int(size) * int(count) for size, count in pairs) * 1024


def _plan(given: Mapping[str, Any], gpus: int) -> Plan:
    """A plan of its fields in JSON; what is left out is the framework's default."""
    name = given["framework"]
    if name not in FRAMEWORKS:
        raise NotYetError(f"the framework {name}")
    framework = FRAMEWORKS[name]
    converted: dict[str, Any] = {
        "framework": framework,
        "kernels": _kernels(framework.kernels, given.get("kernels", {})),
        "precision": _precision(given["precision"]) if "precision" in given else framework.precision,
        "zero": _zero(framework.zero, given.get("zero", {})),
        "accumulation_fusion": given.get("accumulation_fusion", framework.accumulation_fusion),
        "expandable_segments": given.get("expandable_segments", framework.expandable_segments),
        "recompute": _recompute(given.get("recompute", {})),
        "execution": framework.execution,
        "offload": Offload(**_tuples(given.get("offload", {}))),
    }
    if "optimizer" in given:
        converted["optimizer"] = optimizer(given["optimizer"])
    if given.get("schedule"):
        converted["schedule"] = Schedule(given["schedule"])
    if "layout" in given:
        converted["layout"] = patterns.layout(given["layout"])
    rest = {k: v for k, v in given.items() if k not in converted}
    return Plan(gpus=gpus, **rest, **converted)


def _kernels(base: Kernels, changes: Mapping[str, Any]) -> Kernels:
    values: dict[str, Any] = {}
    for name, value in changes.items():
        now = getattr(base, name)
        if isinstance(value, Mapping):
            values[name] = replace(now, **value)
        else:
            values[name] = type(now)(value) if isinstance(now, StrEnum) else value
    return replace(base, **values)


def _precision(given: Mapping[str, Any]) -> Precision:
    changes = dict(given)
    base = BASES[changes.pop("base")]()
    for name in ("compute", "weights", "gradients", "main"):
        if name in changes:
            changes[name] = DATA_TYPES[changes[name]]
    if "recipe" in changes:
        if changes["recipe"] not in [recipe.value for recipe in Recipe]:
            raise NotYetError(f"the recipe {changes['recipe']}")
        changes["recipe"] = Recipe(changes["recipe"])
    return replace(base, **changes)


def _zero(base: Zero, given: Mapping[str, Any]) -> Zero:
    changes = dict(given)
    if "engine" in changes:
        changes["engine"] = Engine(changes["engine"])
    return replace(base, **changes)


def _recompute(given: Mapping[str, Any]) -> Recompute:
    changes = _tuples(given)
    names = changes.get("modules")
    if names in SELECTIVE and "layers" in changes:  # their nvfp4 multiply is not on torchtitan's list
        return Recompute(Method.BLOCK, changes["layers"], saves=Saves(every=0), others=PER_OPERATION)
    if names in SELECTIVE:
        return SELECTIVE[names]
    for name in changes.get("modules", ()):
        if name not in MODULES:
            raise NotYetError(f"recomputation of {name.replace('_', ' ')}")
    if "method" in changes:
        changes["method"] = Method(changes["method"])
    return Recompute(**changes)


def _tuples(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
