"""The highest published rates of matrix multiplication, for devices whose kernels are not in the tables."""

from __future__ import annotations

from weighbridge.hardware.device import Device

BEST = {
    "bf16": {
        "a100": 271.2e12,
        "a100-pcie": 252.9e12,
        "b200": 1745.0e12,
        "b300": 1769.0e12,
        "gaudi-2": 418.7e12,
        "gaudi-3": 1243.0e12,
        "gb200": 1822.0e12,
        "gh200-141gb": 828.6e12,
        "h100": 794.5e12,
        "h200": 794.5e12,
        "mi300x": 668.4e12,
        "mi325x": 784.9e12,
        "mi355x": 1565.0e12,
    },
    "fp8": {
        "b200": 3432.5e12,
        "b300": 3353.3e12,
        "gaudi-2": 826.5e12,
        "gaudi-3": 1289.5e12,
        "gb200": 3615.6e12,
        "gh200-141gb": 1535.0e12,
        "h100": 1402.6e12,
        "h200": 1453.4e12,
    },
}
"""FLOP per second of the best shape of a search, by type and device. Source: stas00/ml-engineering@744d01e18b79,
compute/accelerator/README.md, MAMF table (PyTorch, 100 iterations after 50 of warm-up); in bf16 the H200 is said to be
the same as the H100."""


def relative(device: Device, other: Device, precision: str) -> float:
    """Share of its peak that a device attains, relative to another's; 1 where either is not published.

    Where a type is not published, bf16 stands for it.
    """
    for kind in (precision, "bf16"):
        best = BEST.get(kind, {})
        if device.name in best and other.name in best and kind in device.peak_flops and kind in other.peak_flops:
            return best[device.name] / device.peak(kind) * other.peak(kind) / best[other.name]
    return 1.0
