"""A device beside the measured one that it scales from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from weighbridge.hardware.device import Device
from weighbridge.hardware.speeds.matmul import MatmulCurve
from weighbridge.hardware.speeds.published import relative
from weighbridge.hardware.speeds.reading import Measured, found, rate

STANDS_FOR = {
    "fp6": ("fp8", "bf16"),
    "fp4": ("fp4", "fp8", "bf16"),
    "fp8": ("fp8", "bf16"),
    "int8": ("fp8", "bf16"),
    "fp16": ("bf16",),
    "bf16": ("bf16",),
    "tf32": ("bf16",),
    "fp32": ("bf16",),
}
"""Curves that answer for a type, nearest first: the share of the peak that a type attains is taken from them, the peak
is its own."""


@dataclass(frozen=True)
class Scaled:
    """A device and the curves that it is answered for with.

    Attributes:
        device: its peak rates and bandwidth are what the curves' shares are of.
        curves: of the device itself, or of the measured one that is most like it.
    """

    device: Device
    curves: Measured

    @property
    def launch(self) -> float:
        """Seconds that a kernel takes however little it does."""
        return self.curves.stream.launch

    @cached_property
    def own(self) -> bool:
        """Whether the kernels of this very device were measured."""
        return self.curves.name == self.device.name

    @cached_property
    def like(self) -> Device:
        """The device that was measured."""
        return found(self.curves.name)

    @cached_property
    def processors(self) -> int:
        """Multiprocessors; where they were not counted, those of the measured device by the ratio of rates in fp32,
        which follow number and clock.
        """
        if self.own:
            return self.curves.processors
        here, there = (device.peak_flops.get("fp32", rate(device)) for device in (self.device, self.like))
        return max(1, round(self.curves.processors * here / there))

    @cached_property
    def attained(self) -> float:
        """Of the peak that other kernels attain: their products run where those of matrix multiplications do, and what
        these attain relative to the measured device, they do.
        """
        return 1.0 if self.own else min(1.0, relative(self.device, self.like, "bf16"))

    def curve(self, precision: str) -> MatmulCurve:
        """Of matrix multiplications in that type or the nearest one measured."""
        name = next(name for name in STANDS_FOR[precision] if name in self.curves.matmul)
        curve = self.curves.matmul[name]
        if self.own:
            return curve
        return replace(curve, share=min(1.0, curve.share * relative(self.device, self.like, precision)))
