"""What to change in a deployment: each change is really weighed and timed, and those that help most are named."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from weighbridge.estimate.inference.deployment import MOST_USERS, NARROWER, largest_tensor
from weighbridge.estimate.inference.inference import Inference
from weighbridge.estimate.inference.supported import lacking, untimed
from weighbridge.formats.quantization import named_storage
from weighbridge.units import DATA_TYPES

MOST = 3
"""Changes that are named."""

WORTH = 0.03
"""Share of the throughput that a change has to add to be named, or of the memory that it has to free."""

Candidate = tuple[str, str, Inference]
"""A change in words, what kind of change it is, and the deployment."""


@dataclass(frozen=True, eq=False)
class Change:
    """One change, weighed.

    Attributes:
        title: what is changed, in words.
        group: what kind of change it is; of each kind one is named.
        inference: the deployment then.
        gains: tokens per second and GPU over those before, less one; ``None`` where it is not timed, or did not fit.
    """

    title: str
    group: str
    inference: Inference
    gains: float | None

    @property
    def fits(self) -> bool:
        """Whether it fits then."""
        return self.inference.memory.fits is not False


def better(inference: Inference, most: int = MOST) -> tuple[Change, ...]:
    """At most so many changes, each by itself, the best of every kind: those that make it fit, else those that give
    most tokens per second and GPU; all of them fit, unless nothing does.
    """
    fits = inference.memory.fits is not False
    if fits and untimed(inference):
        return ()
    weighed = [_weighed(inference, one, fits) for one in candidates(inference) if runs(one[2])]
    if fits:
        worth = [change for change in weighed if change.fits and (change.gains or 0) > WORTH]
        worth.sort(key=lambda change: -(change.gains or 0))
    else:
        worth = [change for change in weighed if change.fits]  # the mildest of a kind stands first
        if not worth:
            before = int(inference.memory.needed)
            worth = [change for change in weighed if int(change.inference.memory.needed) < (1 - WORTH) * before]
            worth.sort(key=lambda change: int(change.inference.memory.needed))
    chosen: dict[str, Change] = {}
    for change in worth:
        chosen.setdefault(change.group, change)
    return tuple(chosen.values())[:most]


def _weighed(inference: Inference, one: Candidate, fits: bool) -> Change:
    title, group, changed = one
    timed = fits and not untimed(changed) and changed.memory.fits is not False
    return Change(title, group, changed, changed.per_gpu / inference.per_gpu - 1 if timed else None)


def runs(inference: Inference) -> bool:
    """Whether a deployment has no problems."""
    gpus = None if inference.cluster is None else inference.cluster.gpus
    return not any(inference.serving.problems(inference.model.tree, gpus))


def candidates(inference: Inference) -> Iterator[Candidate]:
    """Changes to try: title, kind and deployment."""
    yield from _cache(inference)
    yield from _weights(inference)
    yield from _ranks(inference)
    yield from _larger(inference)
    yield from _batch(inference)
    serving = inference.serving
    if not serving.cached_prompt and serving.engine.memory_share is not None and inference.memory.fits is False:
        yield "prompts half as long", "prompt", _with(inference, prompt=max(1, serving.prompt // 2))


def _with(inference: Inference, **changes: Any) -> Inference:
    """A deployment of which the serving is changed."""
    return replace(inference, serving=replace(inference.serving, **changes))


def _cache(inference: Inference) -> Iterator[Candidate]:
    """A cache of fewer bits, with what more users it has room for if all that fit are served."""
    cluster = inference.cluster
    if inference.serving.cache.bits <= 8 or cluster is None or lacking(cluster.device, "fp8"):
        return
    narrow = _with(inference, cache=DATA_TYPES["fp8"])
    yield "KV cache in fp8", "cache", narrow
    if inference.memory.fits and inference.serving.batch == inference.memory.max_batch:
        more = min(narrow.memory.max_batch or 0, max(inference.serving.batch, MOST_USERS))
        yield f"KV cache in fp8, {more:,} at once", "cache", _with(narrow, batch=more)


def _weights(inference: Inference) -> Iterator[Candidate]:
    """Weights of fewer bits, where they are published in 16."""
    cluster = inference.cluster
    if inference.storage is not None or inference.dtype.bits <= 8 or cluster is None:
        return
    for name in NARROWER:
        if not lacking(cluster.device, name):
            storage, dtype = named_storage(name, inference.dtype)
            yield f"weights in {name}", "weights", replace(inference, storage=storage, dtype=dtype)


def _ranks(inference: Inference) -> Iterator[Candidate]:
    """Other parallel sizes on the cluster's GPUs."""
    serving, cluster = inference.serving, inference.cluster
    if cluster is None:
        return
    for tensor in (1, 2, 4, 8, 16):
        if tensor == serving.tensor or tensor > cluster.gpus_per_node or cluster.gpus % tensor:
            continue
        replicas = cluster.gpus // tensor
        moved = {"tensor": tensor, "pipeline": 1, "data": replicas}
        words = f"tensor parallel {tensor:,}" + (f", data parallel {replicas:,}" if replicas > 1 else "")
        if serving.batch >= replicas:
            yield words, "ranks", _with(inference, **moved, expert=1)
    ranks = serving.tensor * serving.data
    for expert in (ranks, serving.expert * 2):
        if serving.expert < expert <= ranks and any(node.together for node in inference.model.tree.walk()):
            yield f"expert parallel {expert:,}", "experts", _with(inference, expert=expert)


def _larger(inference: Inference) -> Iterator[Candidate]:
    """More GPUs, where those that there are do not hold it: as many of a server as heads allow share layers."""
    cluster = inference.cluster
    if cluster is None or inference.memory.fits is not False:
        return
    server = cluster.device.gpus_per_node
    for factor in (2, 4, 8):
        gpus = factor * cluster.gpus
        machines = replace(cluster, gpus=gpus, gpus_per_node=min(gpus, max(server, cluster.gpus_per_node)))
        tensor = largest_tensor(inference.model, machines.gpus_per_node, gpus)
        stages = gpus // tensor
        words = f"{gpus:,} GPUs: tensor parallel {tensor:,}" + f", pipeline parallel {stages:,}" * (stages > 1)
        moved = replace(inference.serving, tensor=tensor, pipeline=stages, data=1, expert=1)
        yield words, "GPUs", replace(inference, serving=moved, cluster=machines)


def _batch(inference: Inference) -> Iterator[Candidate]:
    """More users, as many as fit; where it does not fit, fewer."""
    now = inference.serving.batch
    most = min(inference.memory.max_batch or 0, max(now, MOST_USERS))
    if most > now:
        for users in dict.fromkeys((min(2 * now, most), min(4 * now, most), most)):
            yield f"{users:,} at once instead of {now:,}", "batch", _with(inference, batch=users)
    elif 0 < most < now:
        yield f"{most:,} at once instead of {now:,}", "batch", _with(inference, batch=most)
