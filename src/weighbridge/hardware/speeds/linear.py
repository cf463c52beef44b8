"""How long linear layers in 8 bits or fewer take in serving engines: a cast of what they are given, a multiplication."""

from __future__ import annotations

from dataclasses import dataclass

from weighbridge.arithmetic import Count, ratio
from weighbridge.hardware.speeds.matmul import INPUT_BITS, Heat, MatmulCurve, Seconds


@dataclass(frozen=True)
class LinearCurve(MatmulCurve):
    """How a device runs such a layer: both kernels, the second beginning as the first ends. Attributes are those of the
    multiplication, whose launch and bandwidth are those of both.
    """

    def cast_and_multiplied(
        self,
        rows: Count,
        columns: Count,
        depth: Count,
        *,
        precision: str,
        peak: float,
        memory: float,
        processors: int,
        heat: Heat,
    ) -> Seconds:
        """Of ``rows`` x ``depth`` elements in 16 bits, read and written in the narrow type, then multiplied; arguments
        are those of :meth:`MatmulCurve.seconds`.
        """
        cast = ratio(rows * depth * (2 + INPUT_BITS[precision] / 8), self.bandwidth * memory)
        multiplied = self.seconds(
            rows,
            columns,
            depth,
            1,
            precision=precision,
            peak=peak,
            memory=memory,
            processors=processors,
            heat=heat,
        )
        return cast + multiplied
