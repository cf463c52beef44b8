"""A change of a plan or a deployment as the options of the command line that make it, so that it can be applied."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from weighbridge.estimate.inference.deployment import NARROWER
from weighbridge.estimate.inference.inference import Inference
from weighbridge.formats.quantization import named_storage
from weighbridge.hardware.cluster import Cluster
from weighbridge.parallel.degrees import SERVING, TRAINING
from weighbridge.parallel.plan import Plan
from weighbridge.parallel.recompute import Method, Recompute
from weighbridge.report.plan_words import overlaps
from weighbridge.traced import plain

SIZES = {**TRAINING, "micro_batch": "micro_batch"}
"""Options of a plan that take a whole number, and its fields."""

LEFT_OUT = ("layout", "schedule")
"""Options that a change can only take away: what they say then follows from the rest."""


def plan_options(before: Plan, after: Plan) -> dict[str, Any]:
    """Options of ``train`` that lead from one plan to another; ``None`` for one that is to be left out.

    Args:
        before: the plan as it is.
        after: one of the changes of :mod:`weighbridge.estimate.advice` and :mod:`weighbridge.estimate.quicker`.
    """
    sizes = {name: int(plain(getattr(after, field))) for name, field in SIZES.items()}
    changed: dict[str, Any] = {
        name: size for name, size in sizes.items() if size != int(plain(getattr(before, SIZES[name])))
    }
    if "tp" in changed or before.sequence_parallel != after.sequence_parallel:
        changed["sp"] = after.sequence_parallel
    if before.global_batch != after.global_batch:
        changed["global_batch"] = int(plain(after.sequences))
    changed |= {name: None for name in LEFT_OUT if getattr(before, name) != getattr(after, name)}
    return changed | dict(_choices(before, after))


def _choices(before: Plan, after: Plan) -> Iterator[tuple[str, Any]]:
    """What is no size."""
    if before.recompute != after.recompute:
        yield "recompute", _recomputed(after.recompute)
        yield from ((name, None) for name in ("recompute_layers", "recompute_method"))
    if before.zero.stage != after.zero.stage:
        yield "zero", after.zero.stage
    if before.zero.reshard != after.zero.reshard:
        yield "reshard", after.zero.reshard
    if before.offload.optimizer != after.offload.optimizer:
        yield "offload_optimizer", after.offload.optimizer
    if before.kernels.loss is not after.kernels.loss:
        yield "loss", after.kernels.loss.value.replace(" ", "-")
    if overlaps(before) != overlaps(after):
        yield "overlap", ",".join(overlaps(after)) or "none"
    if before.execution.graphs != after.execution.graphs:
        yield "cuda_graphs", ",".join(after.execution.graphs)


def _recomputed(recompute: Recompute) -> str:
    """As ``--recompute`` takes it."""
    if recompute.method is Method.NONE:
        return f"selective:{','.join(recompute.modules)}" if recompute.modules else "none"
    return "full"


def serving_options(before: Inference, after: Inference) -> dict[str, Any]:
    """Options of ``infer`` that lead from one deployment to another, with sizes that others bring by default."""
    serving = after.serving
    sizes = {**SERVING, "batch": "batch"}
    found: dict[str, Any] = {name: int(plain(getattr(serving, field))) for name, field in sizes.items()}
    if before.serving.prompt != serving.prompt:
        found["prompt"] = int(plain(serving.prompt))
    if before.serving.cache != serving.cache:
        found["kv"] = serving.cache.name
    if (before.storage, before.dtype) != (after.storage, after.dtype):
        found["quant"] = _stored(before, after)
    if before.cluster != after.cluster and after.cluster is not None:
        found["cluster"] = _cluster(after.cluster)
    return found


def _stored(before: Inference, after: Inference) -> str:
    """As ``--quant`` takes it: one of the formats that are tried."""
    title = after.storage.title if after.storage else ""
    narrower = {name: named_storage(name, before.dtype)[0] for name in NARROWER}
    return next(name for name, storage in narrower.items() if storage is not None and storage.title == title)


def _cluster(cluster: Cluster) -> str:
    """As ``--cluster`` takes it."""
    if cluster.gpus % cluster.gpus_per_node:
        return f"{cluster.gpus}x{cluster.device.name}"
    return f"{cluster.gpus // cluster.gpus_per_node}x{cluster.gpus_per_node}x{cluster.device.name}"
