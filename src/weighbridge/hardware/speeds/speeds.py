"""How long the kernels of a training step take on a device; those of a step that makes tokens are its base's."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from weighbridge.arithmetic import Count
from weighbridge.errors import InputError
from weighbridge.hardware.device import Device
from weighbridge.hardware.speeds import raw as tables
from weighbridge.hardware.speeds.attention import BACKWARD_FLOPS, AttentionCurve
from weighbridge.hardware.speeds.experts import WEIGHTS
from weighbridge.hardware.speeds.matmul import INPUT_BITS, Heat, Seconds
from weighbridge.hardware.speeds.published import relative
from weighbridge.hardware.speeds.reading import measured, names, nearest, rate
from weighbridge.hardware.speeds.serving import Serving
from weighbridge.traced import plain


@dataclass(frozen=True)
class Speeds(Serving):
    """Seconds of kernels on one device.

    Every argument of every method may be a number, a traced number or an array.

    Attributes:
        heat: what the power limit has done to the clock of multiplications: steady, as in a training step, unless said.
        raw: whether what was measured is looked up in the tables themselves first, as far as they reach:
            multiplications and causal attention in 16 bits. Traced numbers come out as numbers then.
    """

    heat: Heat = Heat.STEADY
    raw: bool = False

    @cached_property
    def basis(self) -> str:
        """What the answers rest on, in words."""
        fit = self.curves.fits["matmul.bf16"]
        rows = f"{fit.rows:,} matrix multiplications in bf16, half of those over 50 us within {fit.long_median:.1%}"
        if self.raw:
            rows = f"{rows}; in 16 bits interpolated between measurements, by the curve where they do not reach"
        if self.own:
            return f"measured on {self.like.title}: {rows}"
        published = relative(self.device, self.like, "bf16") != 1
        best = " and its best published matrix multiplication" if published else ""
        return f"scaled from {self.like.title} by datasheet rates{best} ({rows} there)"

    def matmul(
        self, rows: Count, columns: Count, depth: Count, precision: str = "bf16", products: Count = 1
    ) -> Seconds:
        """Seconds of ``products`` products of a ``rows`` x ``depth`` and a ``depth`` x ``columns`` matrix, one kernel.

        More than one product is a batched or grouped multiplication, as of experts. Casting the factors to a narrow
        type is not in it.

        Raises:
            InputError: for a type that the device has no unit for.
        """
        seconds = self.curve(precision).seconds(
            rows,
            columns,
            depth,
            products,
            precision=precision,
            peak=self.device.peak(precision),
            memory=self.device.memory_bandwidth,
            processors=self.processors,
            heat=self.heat,
        )
        if self.raw and precision in ("bf16", "fp16") and _same(products, 1):
            seconds = tables.or_else(tables.matmul(self.curves, rows, columns, depth), seconds)
        return seconds

    def linear(self, rows: Count, columns: Count, depth: Count, weights: str) -> Seconds | None:
        """Seconds of a serving engine's linear layer in 8 bits or fewer, the cast of what it is given included; ``None``
        where none was measured.

        Args:
            rows: of what it is given.
            columns: of what it makes.
            depth: what is summed over.
            weights: how they are kept, a name of ``weighbridge.hardware.speeds.experts.WEIGHTS``.
        """
        curve = self.curves.linear.get(weights)
        if curve is None or WEIGHTS[weights].precision not in self.device.peak_flops:
            return None
        precision = WEIGHTS[weights].precision
        return curve.cast_and_multiplied(
            rows,
            columns,
            depth,
            precision=precision,
            peak=self.device.peak(precision),
            memory=self.device.memory_bandwidth,
            processors=self.processors,
            heat=self.heat,
        )

    def attention(
        self,
        batch: Count,
        heads: Count,
        kv_heads: Count,
        queries: Count,
        keys: Count,
        qk_dim: Count,
        v_dim: Count,
        *,
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
        narrow = INPUT_BITS[precision] <= 16
        sizes = (batch, heads, kv_heads, queries, keys, qk_dim, v_dim)
        seconds = self._fused(self.curves.attention, sizes, precision, causal, pairs)
        if self.raw and narrow and causal and pairs is None and _same(queries, keys) and _same(qk_dim, v_dim):
            seconds = self._measured_attention(batch, heads, kv_heads, queries, qk_dim, seconds)
        return seconds

    def _fused(
        self, curve: AttentionCurve, sizes: tuple[Count, ...], precision: str, causal: bool, pairs: Count | None
    ) -> Seconds:
        narrow = INPUT_BITS[precision] <= 16
        return curve.seconds(
            *sizes,
            causal=causal,
            pairs=pairs,
            element=2.0 if narrow else 4.0,
            peak=self.attained * (rate(self.device) if narrow else self.device.peak(precision)),
            memory=self.device.memory_bandwidth,
            processors=self.processors,
        )

    def latent_attention(
        self,
        batch: Count,
        heads: Count,
        queries: Count,
        keys: Count,
        qk_dim: Count,
        v_dim: Count,
        *,
        causal: bool = True,
        pairs: Count | None = None,
    ) -> Seconds:
        """Seconds of multi-head latent attention over prompts as engines serve it: every head has keys and values of
        its own, projected from the latent vectors before. The arguments are those of :meth:`attention`, in 16 bits.
        """
        sizes = (batch, heads, heads, queries, keys, qk_dim, v_dim)
        return self._fused(self.curves.latent_attention, sizes, "bf16", causal, pairs)

    def _measured_attention(
        self, batch: Count, heads: Count, kv_heads: Count, queries: Count, dim: Count, curve: Seconds
    ) -> Seconds:
        """Seconds of the table less those of the copy into pages that it includes; the curve where it has none."""
        paging = self.stream(batch * kv_heads * queries * dim * (2 * 2 * 2))
        measured = tables.attention(self.curves, batch, heads, kv_heads, queries, dim)
        trained = (measured - plain(paging)) / self.curves.attention.training
        seconds: Seconds = tables.or_else(trained, curve)
        return seconds

    def attention_backward(self, *sizes: Count, **options: Any) -> Seconds:
        """Seconds of the backward pass of that kernel, whose arguments it takes: 2.5 times the FLOPs, at the rate that
        published measurements of forward and backward of one kernel have to one another. No table of backward passes
        exists.
        """
        return self.attention(*sizes, **options) * (BACKWARD_FLOPS / self.curves.attention.backward)

    def stream(self, moved: Count | float) -> Seconds:
        """Seconds of a kernel that reads and writes that many bytes in all and hardly computes."""
        return self.curves.stream.seconds(moved, self.device.memory_bandwidth)


def _same(one: Count, other: Count) -> bool:
    """Whether two sizes are one by configuration: the same object, or equal plain numbers."""
    return one is other or (isinstance(one, int) and isinstance(other, int) and one == other)


def speeds(device: Device, raw: bool = False, heat: Heat = Heat.STEADY) -> Speeds:
    """The speeds of a device: its own measured curves, or those of the measured device that is most like it.

    Args:
        device: of the catalogue, or one's own.
        raw: look up the measured tables themselves where they reach.
        heat: what the power limit has done to the clock of multiplications.

    Raises:
        InputError: for ``raw``, where the tables are not installed or the device is not in them.
    """
    curves = measured(nearest(device))
    if raw:
        tables.folder()
        if curves.name != device.name:
            raise InputError(f"raw: {device.title} is not in the measured tables; allowed: {', '.join(names())}")
    return Speeds(device, curves, heat, raw)
