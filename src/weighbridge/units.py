"""Units and data types. GB is 10**9 bytes, GiB is 2**30 bytes, and every printed figure says which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from weighbridge.arithmetic import Count, ceil_div
from weighbridge.errors import InputError, did_you_mean, given
from weighbridge.ggml import TYPES
from weighbridge.traced import same_kind

DEAREST = 1e5
"""Dollars for an hour of one device, wherever they are given: thousands of times any that is asked."""


@dataclass(frozen=True, slots=True)
class DataType:
    """A storage format by its width. Sub-byte formats are counted in bits, scales of blocks beside their elements.

    Attributes:
        name: what it is called.
        bits: of one element.
        block: elements that share a scale; 0 for none.
        scale: bytes of a scale.
    """

    name: str
    bits: int
    block: int = 0
    scale: int = 0

    @property
    def differentiable(self) -> bool:
        """Whether values of it have gradients: integers have none."""
        return not self.name.startswith("int")

    def bytes(self, count: Count) -> Count:
        """Bytes of one tensor of ``count`` elements, rounded up to a whole byte once, with its scales."""
        scales = ceil_div(count, self.block) * self.scale if self.block else 0
        return self._elements(count) + scales

    def _elements(self, count: Count) -> Count:
        if self.bits % 8:
            return ceil_div(count * same_kind(self.bits, f"{self.name}_bits", count), 8)
        return count * same_kind(self.bits // 8, f"{self.name}_bytes", count)


DATA_TYPES: dict[str, DataType] = {
    name: DataType(name, bits, *scales)
    for name, bits, *scales in (
        ("fp64", 64),
        ("fp32", 32),
        ("bf16", 16),
        ("fp16", 16),
        ("fp8", 8),
        ("int8", 8),
        ("fp6", 6),
        ("fp4", 4),
        ("int4", 4),
        ("nf4", 4),
        ("int2", 2),
        ("int32", 32),
        ("int64", 64),
        ("fp8_blocks", 8, 128, 4),
        ("mxfp8", 8, 32, 1),
        ("nvfp4", 4, 16, 1),
    )
}

BLOCK_TYPES: dict[str, DataType] = {
    name: DataType(name, kind.bits, kind.block, kind.rest)
    for name, kind in TYPES.items()
    if kind.quantised and name not in DATA_TYPES
}
"""The types that GGUF files alone have (:mod:`weighbridge.ggml`); whole blocks have the bytes that they have there."""

FP32, FP8 = DATA_TYPES["fp32"], DATA_TYPES["fp8"]
INT64, INT32, INT8 = DATA_TYPES["int64"], DATA_TYPES["int32"], DATA_TYPES["int8"]

_ALIASES = {
    "float64": "fp64",
    "float32": "fp32",
    "float": "fp32",
    "bfloat16": "bf16",
    "float16": "fp16",
    "half": "fp16",
    "float8_e4m3fn": "fp8",
    "float8_e5m2": "fp8",
    "e4m3": "fp8",
    "e5m2": "fp8",
}


def data_type(name: str, field: str = "dtype") -> DataType:
    """The data type of a name as PyTorch, Hugging Face or people write it.

    Raises:
        InputError: for a name that is none.
    """
    if not isinstance(name, str):
        raise InputError(f"{field}: got {given(name)}; expected a name such as bf16")
    key = name.lower().removeprefix("torch.")
    found = DATA_TYPES.get(_ALIASES.get(key, key)) or BLOCK_TYPES.get(key)
    if found is None:
        near = did_you_mean(key, (*DATA_TYPES, *BLOCK_TYPES))
        allowed = f"{', '.join(DATA_TYPES)}, and the types of GGUF files ({', '.join(BLOCK_TYPES)})"
        raise InputError(f"{field}: data type {given(name)} is unknown; allowed: {allowed}{near}")
    return found


DECIMAL = ("", "k", "M", "G", "T", "P", "E", "Z", "Y")


def thousands(value: int) -> str:
    """``8030261248`` as ``8,030,261,248``."""
    return f"{value:,}"


def three_digits(value: float, unit: str, base: float = 1000.0, names: Sequence[str] = DECIMAL) -> str:
    """A figure in the unit that leaves three significant digits: ``16.1 GB``."""
    power = 0
    while max(abs(float(f"{value:.3g}")), round(abs(value))) >= base and power < len(names) - 1:
        value, power = value / base, power + 1
    rounded = abs(float(f"{value:.3g}"))
    digits = 0 if power == 0 or rounded >= 100 else 1 if rounded >= 10 else 2
    return f"{value:,.{digits}f} {names[power]}{unit}".replace("  ", " ")


def short_count(value: float) -> str:
    """A count for people: ``8.03 B`` (billions), ``124 M``, ``671 B``, ``1.04 T``."""
    return three_digits(value, "", names=("", "K", "M", "B", "T", "Q")).strip()


def gigabytes(value: int) -> str:
    """Bytes in decimal units: ``16.1 GB``."""
    return three_digits(value, "B")


def gibibytes(value: int) -> str:
    """Bytes in binary units: ``15.0 GiB``."""
    return three_digits(value, "B", 1024.0, ("", "Ki", "Mi", "Gi", "Ti", "Pi"))


def flops(value: int) -> str:
    """Floating-point operations in the unit that leaves three digits: ``65.8 TFLOP``."""
    return three_digits(value, "FLOP")


def percent(part: int, whole: int) -> str:
    """A share of a whole: ``86.9 %``."""
    return f"{100 * part / whole:.1f} %" if whole else "-"
