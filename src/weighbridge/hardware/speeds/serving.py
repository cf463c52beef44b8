"""How long the kernels of a step that makes tokens take on a device."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from weighbridge.arithmetic import Count, ratio
from weighbridge.errors import InputError
from weighbridge.hardware.speeds.decode import DecodeCurve
from weighbridge.hardware.speeds.experts import WEIGHTS, experts_hit
from weighbridge.hardware.speeds.matmul import Heat, Seconds
from weighbridge.hardware.speeds.reading import rate
from weighbridge.hardware.speeds.scaled import Scaled


@dataclass(frozen=True)
class Serving(Scaled):
    """Seconds of kernels of serving. Every argument of every method may be a number, a traced number or an array."""

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
            peak=self.attained * rate(self.device),
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
            peak=self.attained * (self.device.peak(kind.precision) if narrow else rate(self.device)),
            memory=self.device.memory_bandwidth,
            processors=self.processors,
        )

    def weight_only(self, rows: Count, columns: Count, depth: Count, bits: int = 4, group: int = 128) -> Seconds:
        """Seconds of a multiplication whose right factor is kept in few bits and multiplied in 16, before the power
        limit holds the clock down.

        Measured on the A100 by TensorRT-LLM; elsewhere the curve of 16 bits with fewer bytes of weights stands for it.

        Args:
            rows: of the left factor, in 16 bits.
            columns: of the right factor.
            depth: what is summed over.
            bits: of an element of the right factor.
            group: elements of it that share a scale of 16 bits.
        """
        name = f"w{bits}a16"
        curve = self.curves.matmul[name] if name in self.curves.matmul else self.curve("bf16")
        return curve.seconds(
            rows,
            columns,
            depth,
            1,
            precision="bf16",
            peak=self.attained * rate(self.device),
            memory=self.device.memory_bandwidth,
            processors=self.processors,
            heat=Heat.SHORT,
            weight=bits / 8 + 2 / group,
        )


def _kept(curves: Mapping[str, DecodeCurve], kv_bytes: float) -> DecodeCurve:
    """The curve for keys and values of that many bytes; that of 16 bits where narrower ones were not measured."""
    return curves["fp8" if kv_bytes < 2 and "fp8" in curves else "bf16"]
