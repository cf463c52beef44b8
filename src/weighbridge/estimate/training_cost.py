"""Days, GPU hours and dollars of GPUs that are held for a time; and of a number of FLOPs on a cluster, at a utilization
that the user states.
"""

from __future__ import annotations

from dataclasses import dataclass

from weighbridge.arithmetic import ratio
from weighbridge.hardware.cluster import Cluster

SECONDS_PER_HOUR = 3600
SECONDS_PER_DAY = 86_400


@dataclass(frozen=True)
class Held:
    """GPUs that are held for a time.

    Attributes:
        seconds: how long.
        gpus: how many.
        price: dollars per GPU and hour; ``None`` leaves dollars out.
    """

    seconds: float
    gpus: int
    price: float | None = None

    @property
    def days(self) -> float:
        """The time in days."""
        return ratio(self.seconds, SECONDS_PER_DAY)

    @property
    def gpu_hours(self) -> float:
        """Hours of all GPUs together."""
        return ratio(self.seconds * self.gpus, SECONDS_PER_HOUR)

    @property
    def dollars(self) -> float | None:
        """What the GPU hours cost; ``None`` without a price."""
        return None if self.price is None else self.gpu_hours * self.price


@dataclass(frozen=True)
class Rate:
    """What a cluster gives and costs.

    Attributes:
        cluster: the GPUs.
        mfu: model FLOPs utilization, of the peak; the user's.
        precision: whose dense peak rate counts.
        price: dollars per GPU and hour; ``None`` leaves dollars out.
    """

    cluster: Cluster
    mfu: float
    precision: str = "bf16"
    price: float | None = None

    @property
    def flops_per_second(self) -> float:
        """Model FLOPs per second of the whole cluster."""
        return self.cluster.gpus * self.cluster.device.peak(self.precision) * self.mfu


@dataclass(frozen=True)
class Cost:
    """What a number of FLOPs takes.

    Attributes:
        rate: on what.
        flops: the work.
    """

    rate: Rate
    flops: float

    @property
    def seconds(self) -> float:
        """Wall-clock time, without interruptions."""
        return ratio(self.flops, self.rate.flops_per_second)

    @property
    def held(self) -> Held:
        """The GPUs and how long they are held."""
        return Held(self.seconds, self.rate.cluster.gpus, self.rate.price)

    @property
    def days(self) -> float:
        """The same in days."""
        return self.held.days

    @property
    def gpu_hours(self) -> float:
        """Hours of all GPUs together."""
        return self.held.gpu_hours

    @property
    def dollars(self) -> float | None:
        """What the GPU hours cost; ``None`` without a price."""
        return self.held.dollars
