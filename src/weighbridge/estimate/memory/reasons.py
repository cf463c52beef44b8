"""What stands outside the ledger, as traced numbers with the constants and the sources that it was estimated by."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any

from weighbridge.arithmetic import total
from weighbridge.estimate.memory import allocator, outside, totals
from weighbridge.estimate.memory.ledger import Line
from weighbridge.estimate.memory.stage import Stage
from weighbridge.estimate.memory.totals import leaf
from weighbridge.hardware.cluster import Cluster
from weighbridge.traced import Label, Traced, called, plain, symbol


class Beyond(StrEnum):
    """What a device shows in use besides the lines of the ledger."""

    RESERVED = "reserved"
    CONTEXT = "context"
    TOTAL = "device_total"
    FREE = "free"
    ALLOCATED = "peak_allocated"
    STATIC = "static_allocated"
    PARAMETERS = "parameters"
    MODEL = "weights_and_optimizer"
    REST = "activations_and_buffers"
    EACH = "bytes_per_parameter"


USUAL = (Beyond.RESERVED, Beyond.CONTEXT, Beyond.TOTAL)
"""What is explained beside the ledger where no line is named."""


NOTES = {
    "pools": "free blocks of other streams, which activations cannot use",
    "hole": "the place of the logits, into which nothing fits that stands at the peak",
    "stuck": "what layers needed besides what they keep, in segments that the head cannot use",
    "fragmentation": "the median of the public SimuMax rows, which state both counters (benchmarks/measurements)",
}


def reserved(stage: Stage) -> Traced:
    """The reserved peak: the allocated one, what is known to be free beside it, and a share of it that lies in gaps."""
    allocated: Any = leaf("peak_allocated", stage.peak_allocated, "the lines of the ledger together")
    parts = {"pools": stage.gathering.pools(stage.peak), "hole": allocator.hole(stage.peak)}
    if not stage.training.plan.expandable_segments:
        parts["stuck"] = allocator.stuck(stage.peak)
    apart: list[Any] = [leaf(name, value, NOTES[name]) for name, value in parts.items() if plain(value)]
    found = allocator.reserved(allocated, total(apart))
    whole, note = int(plain(stage.peak_reserved)), f"{allocator.FRAGMENTATION:.1%} in gaps: {NOTES['fragmentation']}"
    if plain(found) != whole:  # later steps reserve more than the first
        return leaf("peak_reserved", whole, "states that the first step makes, and what later steps need beside them")
    source = "c10/cuda/CUDACachingAllocator.h: segments of 2 MiB"
    return called(found, Label("peak_reserved", "bytes", note, source))


def context(stage: Stage) -> Traced:
    """What stands outside the allocator: the device's context, and the buffers of every communicator."""
    cluster, plan = stage.training.cluster, stage.training.plan
    if cluster is None:
        return leaf("context", 0, "no device is given")
    device, process = cluster.device, "CUDA context and loaded kernels of one process"
    parts: list[Any] = [leaf("cuda_context", device.context_bytes, process, device.sources.get("context_bytes", ""))]
    found = list(outside.communicators(plan))
    experts = ["experts", "experts_data"] if plan.expert > 1 else []
    names = [*GROUPS, *["all_ranks"] * (len(found) - len(GROUPS) - len(experts)), *experts]
    parts += [_communicator(f"nccl_{name}", r, cluster) for name, r in zip(names, found, strict=True) if r.count > 1]
    label = Label("context", "bytes", "outside the allocator", "NVIDIA/nccl, src/transport/p2p.cc, net.cc")
    return called(total(parts), label)


def device_total(stage: Stage) -> Traced:
    """What the device shows in use: the lines of the ledger, what lies free in the allocator, and what is outside."""
    parts = totals.lines_of(stage, Line)
    unused = plain(stage.peak_reserved) - plain(stage.peak_allocated)
    parts += [leaf("reserved_unused", unused, "free blocks of the allocator")] if unused else []
    parts += [context(stage)] if plain(stage.outside) else []
    return called(total(parts), Label("device_total", "bytes", "what the device shows in use at the highest moment"))


GROUPS = ("tensor", "context", "data", "pipeline")
"""The communicators that every plan has, in the order of :func:`~weighbridge.estimate.memory.outside.communicators`."""


def _communicator(name: str, ranks: outside.Ranks, cluster: Cluster) -> Traced:
    """The buffers of one communicator: of a ring, on every channel one connection in each direction."""
    near = ranks.within(cluster.gpus_per_node)
    receives, sends = (f"{size // outside.MIB} MiB" for size in (outside.RECEIVES, outside.SENDS))
    if ranks.peers or near < ranks.count:
        how = f"each with {ranks.peers:,} peers" if ranks.peers else "in a ring"
        where = f"{near:,} of them in one server; {receives} of a connection received, {sends} sent, on every channel"
        return leaf(name, outside.buffers(ranks, cluster), f"{ranks.count:,} ranks {how}, {where}")
    each = symbol("received", outside.RECEIVES) + symbol("sent", outside.SENDS)
    made: Any = symbol("channels", outside.channels(cluster)) * each
    note = f"{ranks.count:,} ranks in a ring inside a server: buffers of every channel"
    return called(made, Label(name, "bytes", note, "NVIDIA/nccl, src/init.cc; issue 1685"))


def free(stage: Stage) -> Traced:
    """What is left of what the device has for a process, negative where it does not fit."""
    cluster = stage.training.cluster
    if cluster is None:
        return leaf("free", 0, "no device is given")
    device = cluster.device
    source = device.sources.get("usable_bytes", device.sources.get("memory_bytes", ""))
    capacity = leaf("capacity", device.usable_bytes, "what the device has for a process", source)
    note = "left of what the device has; negative: it is missing"
    return called(capacity - device_total(stage), Label("free", "bytes", note))


EXPLAINED: dict[Beyond, Callable[[Stage], Traced]] = {
    Beyond.RESERVED: reserved,
    Beyond.CONTEXT: context,
    Beyond.TOTAL: device_total,
    Beyond.FREE: free,
    Beyond.ALLOCATED: totals.allocated,
    Beyond.STATIC: totals.static,
    Beyond.PARAMETERS: totals.parameters,
    Beyond.MODEL: totals.model,
    Beyond.REST: totals.rest,
    Beyond.EACH: totals.each,
}
