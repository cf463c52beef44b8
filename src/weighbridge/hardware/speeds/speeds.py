"""How long the kernels of a training step, and of a step that makes tokens, take on a device."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from weighbridge.arithmetic import Count, ratio
from weighbridge.errors import InputError
from weighbridge.hardware.device import Device
from weighbridge.hardware.speeds import raw as tables
from weighbridge.hardware.speeds.attention import BACKWARD_FLOPS
from weighbridge.hardware.speeds.decode import DecodeCurve
from weighbridge.hardware.speeds.experts import WEIGHTS, experts_hit
from weighbridge.hardware.speeds.matmul import INPUT_BITS, Heat, MatmulCurve, Seconds
from weighbridge.hardware.speeds.published import relative
from weighbridge.hardware.speeds.reading import Measured, found, measured, names, nearest, rate
from weighbridge.traced import plain

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
class Speeds:
    """Seconds of kernels on one device.

    Every argument of every method may be a number, a traced number or an array.

    Attributes:
        device: its peak rates and bandwidth are what the curves' shares are of.
        curves: of the device itself, or of the measured one that is most like it.
        heat: what the power limit has done to the clock of multiplications: steady, as in a training step, unless said.
        raw: whether what was measured is looked up in the tables themselves first, as far as they reach:
            multiplications and causal attention in 16 bits. Traced numbers come out as numbers then.
    """

    device: Device
    curves: Measured
    heat: Heat = Heat.STEADY
    raw: bool = False

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
    def _attained(self) -> float:
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

    def packed_matmul(self, rows: Count, columns: Count, depth: Count, precision: str, bits: float) -> Seconds:
        """Seconds of one product whose right factor, the weights, comes from memory in ``bits`` for each element and is
        brought to the type that is multiplied in on the way: the same multiplication, with fewer bytes to read.
        """
        own = INPUT_BITS[precision]
        if bits == own:
            return self.matmul(rows, columns, depth, precision)
        whole = (rows + columns) * depth * own / 8 + 2 * rows * columns
        packed = (rows * own + columns * bits) * depth / 8 + 2 * rows * columns
        return self.curve(precision).seconds(
            rows,
            columns,
            depth,
            1,
            precision=precision,
            peak=self.device.peak(precision),
            memory=self.device.memory_bandwidth * ratio(whole, packed),
            processors=self.processors,
            heat=self.heat,
        )

    def linear(self, rows: Count, columns: Count, depth: Count, weights: str) -> Seconds | None:
        """Seconds of a serving engine's linear layer in 8 bits or fewer, the cast of what it is given included;
        ``None`` where none was measured.

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
        peak = self._attained * rate(self.device) if narrow else self._attained * self.device.peak(precision)
        seconds = self.curves.attention.seconds(
            batch,
            heads,
            kv_heads,
            queries,
            keys,
            qk_dim,
            v_dim,
            causal=causal,
            pairs=pairs,
            element=2.0 if narrow else 4.0,
            peak=peak,
            memory=self.device.memory_bandwidth,
            processors=self.processors,
        )
        if self.raw and narrow and causal and pairs is None and _same(queries, keys) and _same(qk_dim, v_dim):
            seconds = self._measured_attention(batch, heads, kv_heads, queries, qk_dim, seconds)
        return seconds

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

    def decode_attention(
        self,
        batch: Count,
        heads: Count,
        kv_heads: Count,
        keys: Count,
        qk_dim: Count,
        v_dim: Count,
        *,
        kv_bytes: float = 2,
        window: Count | None = None,
    ) -> Seconds:
        """Seconds of attention of one new token per sequence over the keys and values that are kept.

        Args:
            batch: sequences.
            heads: query heads.
            kv_heads: key and value heads.
            keys: positions that each sequence keeps, its new one included.
            qk_dim: size of a head's queries and keys.
            v_dim: size of a head's values.
            kv_bytes: bytes of an element of them.
            window: positions that a query sees at most.
        """
        curve, dims = _kept(self.curves.decode, kv_bytes), qk_dim + v_dim
        return self._decoded(curve, batch, heads, kv_heads, keys, kv_bytes * dims, dims, window)

    def latent_decode_attention(
        self, batch: Count, heads: Count, keys: Count, rank: Count, rope: Count, *, kv_bytes: float = 2
    ) -> Seconds:
        """Seconds of multi-head latent attention of one new token per sequence, key and value projections absorbed: all
        heads look at one latent vector for each position, which is key and value at once.

        Args:
            batch: sequences.
            heads: query heads on this GPU.
            keys: positions that each sequence keeps, its new one included.
            rank: elements of the latent vector.
            rope: elements of the key that carries the position, beside it.
            kv_bytes: bytes of an element of both.
        """
        curve = _kept(self.curves.latent, kv_bytes)
        return self._decoded(curve, batch, heads, 1, keys, kv_bytes * (rank + rope), 2 * rank + rope, None)

    def _decoded(
        self,
        curve: DecodeCurve,
        batch: Count,
        heads: Count,
        kv_heads: Count,
        keys: Count,
        kept: float,
        dims: Count,
        window: Count | None,
    ) -> Seconds:
        return curve.seconds(
            batch,
            heads,
            kv_heads,
            keys,
            kept,
            dims,
            window=window,
            peak=self._attained * rate(self.device),
            memory=self.device.memory_bandwidth,
            processors=self.processors,
        )

    def experts(
        self,
        tokens: Count,
        top_k: Count,
        experts: Count,
        hidden: Count,
        width: Count,
        weights: str = "bf16",
        *,
        gpus: Count = 1,
        hit: Count | float | None = None,
        matrices: int = 3,
    ) -> Seconds:
        """Seconds of the routed experts of one layer on one GPU, as a serving engine runs them: one fused kernel, or a
        few, from routed tokens to their weighted sum. The router's own multiplication is not in it.

        Args:
            tokens: that are routed, on all GPUs that share out the experts.
            top_k: experts of each token.
            experts: of the layer.
            hidden: elements of a token.
            width: elements between an expert's matrices, on one GPU.
            weights: how they are kept, a name of ``weighbridge.hardware.speeds.experts.WEIGHTS``.
            gpus: that share out the experts.
            hit: experts of this GPU that have a token; by default what random routing leads to.
            matrices: of an expert: 3 with a gate, 2 without.

        Raises:
            InputError: for weights that no curve is of.
        """
        if weights not in WEIGHTS:
            raise InputError(f'weights: no curve is of experts in "{weights}"; allowed: {", ".join(WEIGHTS)}')
        kind, here, assigned = WEIGHTS[weights], ratio(experts, gpus), ratio(tokens * top_k, gpus)
        name = next(name for name in kind.measured if name in self.curves.experts)
        narrow = kind.precision in self.device.peak_flops
        return self.curves.experts[name].seconds(
            tokens * top_k,
            assigned,
            experts_hit(here, tokens, assigned) if hit is None else hit,
            hidden,
            width,
            matrices,
            weight=kind.bytes,
            # where there is no unit for a type, weights are converted and multiplied in 16 bits
            peak=self._attained * (self.device.peak(kind.precision) if narrow else rate(self.device)),
            memory=self.device.memory_bandwidth,
            processors=self.processors,
        )

    def stream(self, moved: Count | float) -> Seconds:
        """Seconds of a kernel that reads and writes that many bytes in all and hardly computes."""
        return self.curves.stream.seconds(moved, self.device.memory_bandwidth)


def _kept(curves: Mapping[str, DecodeCurve], kv_bytes: float) -> DecodeCurve:
    """The curve for keys and values of that many bytes; that of 16 bits where narrower ones were not measured."""
    return curves["fp8" if kv_bytes < 2 and "fp8" in curves else "bf16"]


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
