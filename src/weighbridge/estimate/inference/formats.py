"""How weights of a packing are multiplied with on a device: in which precision, from how many bits."""

from __future__ import annotations

from dataclasses import dataclass

from weighbridge.hardware.device import Device
from weighbridge.models.storage import Packing, Part
from weighbridge.units import DataType


@dataclass(frozen=True)
class Format:
    """Weights as kernels find them.

    Attributes:
        precision: the type that multiplies run in.
        bits: of a weight in memory, scales included.
        experts: what the curves of experts call it (:data:`weighbridge.hardware.speeds.experts.WEIGHTS`).
        casts: activations are brought to that precision first, by a kernel of their own.
    """

    precision: str
    bits: float
    experts: str
    casts: bool = False


def of_type(dtype: DataType, device: Device) -> Format:
    """Weights in a plain data type: multiplied in it where the device can, else brought to 16 bits."""
    if dtype.bits <= 8:
        return _narrow(dtype.name, float(dtype.bits), device)
    return Format("bf16" if dtype.bits == 16 else dtype.name, float(dtype.bits), "bf16")


def of_packing(packing: Packing, device: Device) -> Format:
    """Weights that are packed."""
    values = next(piece for piece in packing.pieces if piece.part is Part.VALUES)
    blocks = any(piece.part is Part.SCALES and piece.columns > 1 for piece in packing.pieces)
    per_scale = next((p for p in packing.pieces if p.part is Part.SCALES and p.rows * p.columns > 1), None)
    scales = 0.0 if per_scale is None else per_scale.bits / (per_scale.rows * per_scale.columns)
    word = packing.name.split(",")[0].split()[-1]
    if values.bits == 8 and word.startswith("fp8") and blocks:
        word = "fp8_block"
    return _narrow(word, values.bits + scales, device)


def _narrow(word: str, bits: float, device: Device) -> Format:
    """Weights of 8 bits or fewer, by the name of their type. Where a device has no unit for it they are brought to 16
    bits in the kernel that multiplies (Marlin; vLLM, model_executor/layers/quantization).
    """
    has = device.peak_flops
    if word.startswith(("fp8", "mxfp8")) and "fp8" in has:
        return Format("fp8", bits, "fp8_block" if word == "fp8_block" else "fp8", casts=True)
    if word in ("nvfp4", "fp4") and "fp4" in has:
        return Format("fp4", bits, "nvfp4", casts=True)
    if word == "mxfp4" and "fp4" in has:
        return Format("fp8", bits, "mxfp4_mxfp8", casts=True)
    if bits > 6:
        return Format("bf16", bits, "fp8")
    return Format("bf16", bits, "mxfp4" if "fp4" in word else "int4")
