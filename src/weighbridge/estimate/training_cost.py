"""Days, GPU hours and dollars of GPUs that are held for a time; and of a number of FLOPs on a cluster, at a utilization
that the user states; and the FLOPs of days and of dollars there.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from weighbridge.arithmetic import ratio
from weighbridge.errors import InputError, given
from weighbridge.formats.amounts import PRICE, amount
from weighbridge.formats.cluster import load_cluster
from weighbridge.hardware.cluster import Cluster
from weighbridge.hardware.device import PRECISIONS

SECONDS_PER_HOUR = 3600
SECONDS_PER_DAY = 86_400

MFU, RAN_AT = 0.4, "Llama 3 405B ran at 0.38 to 0.43 (Dubey et al. 2024, table 4)"
"""A model FLOPs utilization that large runs come to, and where one did."""

NEEDS_CLUSTER = "needs a cluster, such as 1024xH100"


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

    @property
    def flops_per_day(self) -> float:
        """The same per day."""
        return self.flops_per_second * SECONDS_PER_DAY

    @property
    def flops_per_dollar(self) -> float | None:
        """Model FLOPs for a dollar; ``None`` without a price."""
        hour = Held(SECONDS_PER_HOUR, self.cluster.gpus, self.price).dollars
        return None if hour is None else self.flops_per_second * SECONDS_PER_HOUR / hour

    def compute_of_days(self, days: float) -> float:
        """Model FLOPs of that many days, which :attr:`Cost.days` takes back to them."""
        return days * self.flops_per_day

    def compute_of_dollars(self, dollars: float) -> float:
        """Model FLOPs for that many dollars, which :attr:`Cost.dollars` takes back to them.

        Raises:
            InputError: without a price.
        """
        if self.flops_per_dollar is None:
            raise InputError(f"dollars: needs a price per GPU and hour, such as {PRICE[-1]}")
        return dollars * self.flops_per_dollar


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


def rate_of(
    cluster: str | Path | Cluster | None, mfu: float | None, price: float | None, precision: str
) -> Rate | None:
    """What a cluster gives.

    Raises:
        InputError: for a utilization, a price or a type that cannot be, and for one without a cluster.
    """
    if cluster is None:
        for name, value in (("mfu", mfu), ("price", price)):
            if value is not None:
                raise InputError(f"{name}: {NEEDS_CLUSTER}")
        return None
    found = cluster if isinstance(cluster, Cluster) else load_cluster(cluster)
    if mfu is None:
        raise InputError(f"mfu: a cluster needs the model FLOPs utilization that you expect, such as {MFU}; {RAN_AT}")
    share = amount(mfu, "mfu", 0.001, 1.0, "as a share of the peak", str(MFU))
    dollars = None if price is None else amount(price, "price", *PRICE)
    if precision not in PRECISIONS:
        raise InputError(f"precision: got {given(precision)}; allowed: {', '.join(PRECISIONS)}")
    rate = Rate(found, share, precision, dollars)
    assert rate.flops_per_second > 0
    return rate
