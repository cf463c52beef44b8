"""How long a matrix multiplication takes: tiles in waves over the multiprocessors, or traffic to memory."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import reduce

from weighbridge.arithmetic import Count, ceil_div, maximum, minimum, ratio

Seconds = float
"""A time, or whatever is bound in its place: a traced number or an array."""

LARGE_TILES = ((256, 128), (128, 256))
MEDIUM_TILES = ((128, 128),)
SMALL_TILES = ((64, 128), (128, 64), (64, 64))
"""Rows and columns of the output that one multiprocessor works out at a time, as cuBLAS and CUTLASS name kernels
(``128x256x64``). cuBLAS holds more shapes and picks one by a heuristic; these stand for them, the fastest counts."""

WARM_UP = 1e-3
"""Seconds of work after which the clock has come down to what the power limit sustains: over such durations the
attained rates of the measured tables fall."""


class Heat(StrEnum):
    """What the power limit has done to the clock when a multiplication runs."""

    SHORT = "short"
    """Nothing: the first microseconds of work, or a power limit that is accounted for elsewhere."""
    OWN = "own"
    """What the kernel itself brings about in its time, as in the tables, which measure one kernel after a pause."""
    STEADY = "steady"
    """All: kernels follow one another, as in a training step."""


INPUT_BITS = {"fp32": 32, "tf32": 32, "bf16": 16, "fp16": 16, "fp8": 8, "int8": 8, "fp6": 6, "fp4": 4}
"""Bits of an element of the factors."""

OUTPUT_BYTES = {"fp32": 4, "tf32": 4, "int8": 4}
"""Bytes of an element of the product; 2 where not named: products of narrow types are written in 16 bits."""


@dataclass(frozen=True)
class MatmulCurve:
    """How a device's library multiplies matrices of one type; every figure has a physical meaning.

    Attributes:
        share: of the peak rate that the largest tiles attain in their main loop, before the clock comes down.
        sustained: of that rate, what is left once the power limit holds the clock down.
        medium: rate of 128 x 128 tiles, relative to the largest: they read more per FLOP.
        small: rate of 64-wide tiles, relative to those.
        prologue: elements of depth that filling the pipeline and writing the tile take as long as.
        quantised: share of the work that waits for the last wave to end; 0 where the library splits the rest evenly
            (split-K, stream-K).
        bandwidth: share of the memory bandwidth that reading factors and writing the product attain.
        exposed: of the shorter of computing and moving bytes, what is not hidden behind the longer.
        launch: seconds before the first and after the last instruction of a kernel.
    """

    share: float
    sustained: float
    medium: float
    small: float
    prologue: float
    quantised: float
    bandwidth: float
    exposed: float
    launch: float

    def seconds(
        self,
        rows: Count,
        columns: Count,
        depth: Count,
        products: Count,
        *,
        precision: str,
        peak: float,
        memory: float,
        processors: int,
        heat: Heat,
        weight: float | None = None,
    ) -> Seconds:
        """Of ``products`` products of a ``rows`` x ``depth`` and a ``depth`` x ``columns`` matrix.

        Args:
            rows: of the left factor.
            columns: of the right factor.
            depth: what is summed over.
            products: how many equal ones run as one kernel.
            precision: type of the factors.
            peak: FLOP per second of the device in that type.
            memory: bytes per second of its memory.
            processors: its multiprocessors.
            heat: what the power limit has done to the clock.
            weight: bytes of an element of the right factor, where it is kept in fewer than it is multiplied in.
        """
        each = self.share * peak / processors
        computing = reduce(
            minimum,
            (
                self._tiled(rows, columns, depth, products, tile, each * speed, processors)
                for tiles, speed in (
                    (LARGE_TILES, 1.0),
                    (MEDIUM_TILES, self.medium),
                    (SMALL_TILES, self.medium * self.small),
                )
                for tile in tiles
            ),
        )
        slower = 1 / self.sustained - 1
        if heat is Heat.STEADY:
            computing = computing * (1 + slower)
        elif heat is Heat.OWN:
            computing = computing * (1 + slower * minimum(1.0, ratio(computing, WARM_UP)))
        moving = ratio(_traffic(rows, columns, depth, products, precision, weight), self.bandwidth * memory)
        longer, shorter = maximum(computing, moving), minimum(computing, moving)
        return self.launch + longer + self.exposed * shorter

    def _tiled(
        self,
        rows: Count,
        columns: Count,
        depth: Count,
        products: Count,
        tile: tuple[int, int],
        rate: float,
        processors: int,
    ) -> Seconds:
        """Seconds of the waves of one tile shape: those that are full, and the last one by its share."""
        height, width = tile
        tiles = products * ceil_div(rows, height) * ceil_div(columns, width)
        waves = (1 - self.quantised) * ratio(tiles, processors) + self.quantised * ceil_div(tiles, processors)
        return waves * (depth + self.prologue) * (2 * height * width / rate)


def _traffic(rows: Count, columns: Count, depth: Count, products: Count, precision: str, weight: float | None) -> float:
    """Bytes read and written once: factors in their type, the product in 16 or 32 bits."""
    element = INPUT_BITS[precision] / 8
    factors = rows * depth * element + columns * depth * (element if weight is None else weight)
    return products * (factors + rows * columns * OUTPUT_BYTES.get(precision, 2))
