"""Seconds of kernels and messages of a plan on its cluster."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import ceil
from typing import Any

from weighbridge.arithmetic import Count, maximum
from weighbridge.estimate.asked import Asked, asked
from weighbridge.estimate.time.launches import LOOP_LAUNCH, SLOWER, launch
from weighbridge.estimate.time.power import joules
from weighbridge.estimate.time.work import MESSAGE_PROCESSORS, Bound, Kernel, Seconds
from weighbridge.hardware.cluster import Cluster
from weighbridge.hardware.collectives import Collectives
from weighbridge.hardware.speeds import Speeds
from weighbridge.parallel.plan import Plan
from weighbridge.traced import plain
from weighbridge.tree import Kind


@dataclass(frozen=True, eq=False)
class Clock:
    """Times what ranks do.

    Attributes:
        plan: how the step is laid out.
        cluster: on what.
    """

    plan: Plan
    cluster: Cluster

    @cached_property
    def asked(self) -> Asked:
        """What this plan and others asked of the cluster."""
        return asked(self.cluster)

    @property
    def speeds(self) -> Speeds:
        """The device's kernels."""
        return self.asked.speeds

    @property
    def links(self) -> Collectives:
        """The cluster's messages."""
        return self.asked.links

    @cached_property
    def taken(self) -> float:
        """Share of the multiprocessors that messages take from the kernels beside them."""
        return min(MESSAGE_PROCESSORS / self.speeds.processors, 0.5)

    @cached_property
    def launch(self) -> float:
        """Seconds of the host for each launch."""
        return launch(self.plan.framework, self.cluster.device)

    def multiply(
        self,
        name: str,
        kind: Kind,
        rows: Count,
        columns: Count,
        depth: Count,
        precision: str,
        products: Count = 1,
        apart: bool = False,
    ) -> Kernel:
        """A matrix multiply, or ``products`` equal ones in one kernel; apart, in one kernel each."""
        together = 1 if apart else products
        seconds = self.asked.once(self.speeds.matmul, rows, columns, depth, precision, together)
        energy = joules(self.cluster.device, precision, 2 * products * rows * columns * depth)
        if not apart:
            return Kernel(name, kind, Bound.COMPUTE, seconds, joules=energy)
        seconds, launches = products * maximum(seconds, LOOP_LAUNCH), ceil(plain(products) * LOOP_LAUNCH / self.launch)
        return Kernel(name, kind, Bound.COMPUTE, seconds, launches=launches, joules=energy)

    def stream(self, name: str, kind: Kind, moved: Count | float, launches: int = 1) -> Kernel:
        """Kernels that only move bytes; no launch is one that moves them at its end."""
        seconds = self.asked.once(self.speeds.stream, moved) * SLOWER.get(name, 1.0)
        seconds = seconds + (launches - 1) * self.speeds.launch if launches != 1 else seconds
        return Kernel(name, kind, Bound.MEMORY, seconds, launches)

    def attention(self, backward: bool, *shape: Any, **options: Any) -> Seconds:
        """A fused attention kernel."""
        run = self.speeds.attention_backward if backward else self.speeds.attention
        seconds: Seconds = self.asked.once(run, *shape, **options)
        return seconds

    def message(self, collective: str, bytes: Count, ranks: Count, stride: Count = 1, *more: float) -> Seconds:
        """A collective of ``ranks`` ranks that are ``stride`` apart; nothing among one."""
        if type(ranks) is int and ranks == 1:
            return 0.0
        seconds: Seconds = self.asked.once(getattr(self.links, collective), bytes, ranks, stride, *more)
        return seconds

    def send(self, bytes: Count, stride: Count) -> Seconds:
        """A message to the rank ``stride`` further on."""
        seconds: Seconds = self.asked.once(self.links.send, bytes, stride)
        return seconds
