"""How long the kernels of a training step take on a device."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from weighbridge.arithmetic import Count
from weighbridge.hardware.catalogue import find
from weighbridge.hardware.device import Device
from weighbridge.hardware.speeds.attention import BACKWARD_FLOPS
from weighbridge.hardware.speeds.matmul import INPUT_BITS, Seconds
from weighbridge.hardware.speeds.reading import Measured, measured, nearest

STANDS_FOR = {
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
class Speeds:
    """Seconds of kernels on one device.

    Every argument of every method may be a number, a traced number or an array.

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
    def basis(self) -> str:
        """What the answers rest on, in words."""
        fit = self.curves.fits["matmul.bf16"]
        other = find(self.curves.name)
        assert other is not None
        rows = f"{fit.rows:,} matrix multiplications in bf16, half of those over 50 us within {fit.long_median:.1%}"
        if self.own:
            return f"measured on {other.title}: {rows}"
        return f"scaled from {other.title} by datasheet rates ({rows} there)"

    def matmul(
        self, rows: Count, columns: Count, depth: Count, precision: str = "bf16", products: Count = 1
    ) -> Seconds:
        """Seconds of ``products`` products of a ``rows`` x ``depth`` and a ``depth`` x ``columns`` matrix, one kernel.

        More than one product is a batched or grouped multiplication, as of experts. Casting the factors to a narrow
        type is not in it.

        Raises:
            InputError: for a type that the device has no unit for.
        """
        name = next(name for name in STANDS_FOR[precision] if name in self.curves.matmul)
        return self.curves.matmul[name].seconds(
            rows,
            columns,
            depth,
            products,
            precision=precision,
            peak=self.device.peak(precision),
            memory=self.device.memory_bandwidth,
            processors=self.processors,
        )

    @cached_property
    def processors(self) -> int:
        """Multiprocessors; of a device that was not measured, as many as make its rate with the other's processors."""
        if self.own:
            return self.curves.processors
        other = find(self.curves.name)
        assert other is not None
        return max(1, round(self.curves.processors * self.device.peak("fp16") / other.peak("fp16")))

    def attention(
        self,
        batch: Count,
        heads: Count,
        kv_heads: Count,
        queries: Count,
        keys: Count,
        qk_dim: Count,
        v_dim: Count,
        precision: str = "bf16",
        causal: bool = True,
        pairs: Count | None = None,
    ) -> Seconds:
        """Seconds of the forward pass of a fused attention kernel.

        Args:
            batch: sequences.
            heads: query heads.
            kv_heads: key and value heads.
            queries: positions of each sequence that ask.
            keys: positions that they may look at.
            qk_dim: size of a head's queries and keys.
            v_dim: size of a head's values.
            precision: of queries, keys and values; types of 8 bits run as those of 16.
            causal: whether a query sees keys up to its own position only; the last query sees all.
            pairs: scores of one head of one sequence, where that is neither all nor the causal half (a window).

        Raises:
            InputError: for a type that the device has no unit for.
        """
        kind = "bf16" if INPUT_BITS[precision] < 16 else precision
        return self.curves.attention.seconds(
            batch,
            heads,
            kv_heads,
            queries,
            keys,
            qk_dim,
            v_dim,
            causal=causal,
            pairs=pairs,
            element=INPUT_BITS[kind] / 8,
            peak=self.device.peak("fp16" if kind == "bf16" else kind),
            memory=self.device.memory_bandwidth,
            processors=self.processors,
        )

    def attention_backward(
        self,
        batch: Count,
        heads: Count,
        kv_heads: Count,
        queries: Count,
        keys: Count,
        qk_dim: Count,
        v_dim: Count,
        precision: str = "bf16",
        causal: bool = True,
        pairs: Count | None = None,
    ) -> Seconds:
        """Seconds of the backward pass of that kernel: 2.5 times the FLOPs, at the rate that published measurements of
        forward and backward of one kernel have to one another. No table of backward passes exists.
        """
        forward = self.attention(
            batch, heads, kv_heads, queries, keys, qk_dim, v_dim, precision=precision, causal=causal, pairs=pairs
        )
        return forward * (BACKWARD_FLOPS / self.curves.attention.backward)

    def stream(self, moved: Count | float) -> Seconds:
        """Seconds of a kernel that reads and writes that many bytes in all and hardly computes."""
        return self.curves.stream.seconds(moved, self.device.memory_bandwidth)


def speeds(device: Device) -> Speeds:
    """The speeds of a device: its own measured curves, or those of the measured device that is most like it."""
    return Speeds(device, measured(nearest(device)))
