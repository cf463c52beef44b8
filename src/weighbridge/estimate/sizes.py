"""Sizes that each parallel degree may have while everything else stays, so that nothing else needs to be offered."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Any

from weighbridge.estimate.inference.inference import Inference
from weighbridge.estimate.training import Training, problems
from weighbridge.parallel.degrees import SERVING, TRAINING
from weighbridge.traced import plain

MOST = 16
"""Chunks of a rank, at most, that are tried."""


def divisors(count: int) -> list[int]:
    """Whole numbers that divide another, in order."""
    small = [size for size in range(1, int(count**0.5) + 1) if count % size == 0]
    return sorted({*small, *(count // size for size in small)})


def of_plan(training: Training) -> dict[str, list[int]]:
    """Sizes with which a plan has no problems, of each degree while the others stay."""
    return {name: list(_of_plan(training, field)) for name, field in TRAINING.items()}


def _of_plan(training: Training, field: str) -> Iterator[int]:
    plan, cluster = training.plan, training.cluster
    own = int(plain(getattr(plan, field)))
    tried = range(1, MOST + 1) if field == "virtual" else divisors(int(plain(plan.gpus)))
    for size in sorted({*tried, own}):
        changed = replace(plan, **{field: size})
        if field == "tensor" and size == 1:
            changed = replace(changed, sequence_parallel=False)
        if size == own or next(problems(training.model, changed, cluster), None) is None:
            yield size


def of_serving(inference: Inference, said: Collection[str] = tuple(SERVING)) -> dict[str, list[int]]:
    """Sizes with which a deployment has no problems, of each degree while the others that were said stay: one that is
    said alone brings sizes of 1 for the others.
    """
    alone = {field: 1 for name, field in SERVING.items() if name not in said}
    return {name: list(_of_serving(inference, field, alone)) for name, field in SERVING.items()}


def _of_serving(inference: Inference, field: str, alone: dict[str, int]) -> Iterator[int]:
    gpus = int(inference.cluster.gpus) if inference.cluster else int(inference.serving.gpus)
    own = int(getattr(inference.serving, field))
    for size in sorted({*divisors(gpus), own}):
        sizes: dict[str, Any] = alone | {field: size}
        changed = replace(inference.serving, **sizes)
        if size == own or not any(changed.problems(inference.model.tree, gpus)):
            yield size
