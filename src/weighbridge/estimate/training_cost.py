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
from weighbridge.traced import Label, named

SECONDS_PER_HOUR = 3600
SECONDS_PER_DAY = 86_400

RATE = Label("flops_per_second", "FLOP/s", "of the whole cluster, at the utilization given")
SECONDS = Label("seconds", "seconds", "without interruptions")
DAYS = Label("days", "days")
HOURS = Label("gpu_hours", "GPU hours")
DOLLARS = Label("dollars", "dollars")
"""What explanations call the figures here."""

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
        return named(ratio(self.seconds, SECONDS_PER_DAY), DAYS)

    @property
    def gpu_hours(self) -> float:
        """Hours of all GPUs together."""
        return named(ratio(self.seconds * self.gpus, SECONDS_PER_HOUR), HOURS)

    @property
    def dollars(self) -> float | None:
        """What the GPU hours cost; ``None`` without a price."""
        return None if self.price is None else named(self.gpu_hours * self.price, DOLLARS)


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
        return named(self.cluster.gpus * self.cluster.device.peak(self.precision) * self.mfu, RATE)

    @property
    def flops_per_day(self) -> float:
        """The same per day."""
        return self.flops_per_second * SECONDS_PER_DAY

    @property
    def flops_per_dollar(self) -> float | None:
        """Model FLOPs for a dollar; ``None`` without a price."""
        hour = Held(SECONDS_PER_HOUR, self.cluster.gpus, self.price).dollars
        return None if hour is None else ratio(self.flops_per_second * SECONDS_PER_HOUR, hour)

    def compute_of(self, budget: str, spent: float) -> float:
        """Model FLOPs of so many ``days``, or for so many ``dollars``: what :class:`Cost` takes back to them.

        Raises:
            InputError: for dollars without a price.
        """
        each = self.flops_per_day if budget == "days" else self.flops_per_dollar
        if each is None:
            raise InputError(f"{budget}: needs a price per GPU and hour, such as {PRICE[-1]}")
        return spent * each


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
        return named(ratio(self.flops, self.rate.flops_per_second), SECONDS)

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
