"""How far the power limit holds multiplies back: a device clocks down until it draws on average what it may.

Measured on an H100 SXM of 700 W (benchmarks/gpu/power_limit.py): multiplies on random numbers would draw 1,000 W at the
rate of short runs and settle at 0.86 of it, where they draw 700 W; between kernels that draw less they run faster. The
power that multiplies draw goes as their rate to the power of 2.2 (voltage falls with the clock).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from weighbridge.hardware.catalogue import find
from weighbridge.hardware.device import Device
from weighbridge.sums import summed

ENERGY = {"ampere": 1.65e-12, "hopper": 1.27e-12, "blackwell": 1.35e-12}
"""Joules of a device per floating-point operation of a 16-bit multiply at the rate of short runs, by architecture: its
power limit over what it sustains, at the rate of short runs. Hopper: as above. Ampere: an A100 of 400 W sustains 257
TFLOP/s on random numbers (He 2024, "Strangely, matrix multiplications on GPUs run faster when given predictable data"),
270 in short runs. Blackwell: a B200 of 1,000 W sustains 1,097 (MooreThreads/SimuMax, configs/system/
b200_bf16_ceperm.json, matmul: 0.4876 of 2,250), 1,520 in short runs."""

BITS = {"fp4": 4, "fp8": 8, "int8": 8, "bf16": 16, "fp16": 16, "tf32": 32, "fp32": 32}
"""Energy goes with the bits of the factors: 0.66 pJ in 8 bits where 16 take 1.27, measured as above."""

ATTENTION = {"hopper": 1.8e-12, "blackwell": 1.5e-12}
"""The same of fused attention in 16 bits, per operation on pairs that are visible. Hopper: it settles at 0.84 of the
rate of short runs (benchmarks/measured/power). Blackwell: at 0.735, over 131,072 positions (b200_bf16_ceperm.json,
sdp_fwd and sdp_bwd). Of others it is not known; there it draws what ``ATTENDING`` says."""

EXPONENT = 2.2
"""Of the rate, in the power that multiplies draw."""

MOVING, ATTENDING, WAITING = 0.68, 0.93, 0.21
"""What kernels which move memory, fused attention, and waiting draw, as shares of the limit that a device is made with,
measured as above: 479 of 700 W; 650, which multiplies and copies leave of the limit where all three take turns; 149
between multiplies. Where an operator has set the limit lower they draw what they drew, up to that limit."""

SPREAD = 0.02
"""Standard deviation of the rate of equal devices under equal power limits, which differ as made: 8 % lie between the
fast and the slow of a cluster (Sinha et al. 2022, "Not all GPUs are created equal", abstract), taken for four of it."""

SLOWEST = 0.2
"""No limit holds multiplies back further."""


@dataclass(frozen=True)
class Load:
    """What a device does in some time, at the rates of short runs.

    Attributes:
        multiplying: seconds of multiplies, and of attention whose energy is known.
        joules: energy of these.
        attending: seconds of other fused attention.
        moving: seconds of kernels that move memory.
        waiting: seconds in which nothing runs.
    """

    multiplying: float
    joules: float
    attending: float
    moving: float
    waiting: float

    def times(self, count: float) -> Load:
        """The same so many times."""
        return Load(*(count * getattr(self, own.name) for own in fields(self)))

    def seconds(self, rate: float) -> float:
        """Seconds of it, with multiplies at a share of their rate."""
        return self.multiplying / rate + self.attending + self.moving + self.waiting

    def energy(self, rate: float, limit: float, made: float | None = None) -> float:
        """Joules of it on a device that may draw ``limit`` watts, of the ``made`` that it is made with."""
        whole = made or limit
        rest = ((ATTENDING, self.attending), (MOVING, self.moving), (WAITING, self.waiting))
        drawn = summed(min(share * whole, limit) * seconds for share, seconds in rest)
        return self.joules * math.pow(rate, EXPONENT - 1) + drawn


def joules(device: Device, precision: str, work: float) -> float:
    """Energy of multiplies; 0 where it is not known, which holds nothing back."""
    return ENERGY.get(device.architecture, 0.0) * BITS[precision] / 16 * work


def joules_of_attention(device: Device, precision: str, work: float) -> float:
    """Energy of fused attention; 0 where it is not known."""
    return ATTENTION.get(device.architecture, 0.0) * BITS[precision] / 16 * work


def slowest_of(devices: int) -> float:
    """The rate of multiplies of the slowest of so many devices, for which the others wait, over that of the usual one:
    the expected least of a normal sample (Blom 1958).
    """
    from statistics import NormalDist

    return 1 - SPREAD * NormalDist().inv_cdf((devices - 0.375) / (devices + 0.25))


def made_with(device: Device) -> float | None:
    """Watts that the device is made to draw, whatever limit an operator has set; ``None`` where nobody says."""
    return (find(device.name) or device).tdp_watts


def pace(device: Device, load: Load) -> float:
    """The rate of multiplies over that of short runs, at most 1: the largest at which a load draws no more on average
    than the device may.
    """
    limit, made = device.tdp_watts, made_with(device)
    if not limit or not load.joules:
        return 1.0

    def draws_too_much(rate: float) -> bool:
        return load.energy(rate, limit, made) > limit * load.seconds(rate)

    if not draws_too_much(1.0):
        return 1.0
    low, high = SLOWEST, 1.0
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (low, middle) if draws_too_much(middle) else (middle, high)
    return low
