"""How long the experts of one layer take as one fused kernel: weights of the experts that are hit, and routed rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from weighbridge.arithmetic import Count, ceil_div, maximum, minimum, power, ratio

Seconds = float

ROWS = 16
"""Rows of a tile of few tokens: the tokens of an expert are padded to it. Source: vLLM@v0.11.0,
vllm/model_executor/layers/fused_moe/fused_moe.py, ``BLOCK_SIZE_M`` of small batches."""

TILE = 128
"""Rows and columns of the tiles that are spread over multiprocessors. Source: as in MEDIUM_TILES of matmul.py."""


@dataclass(frozen=True)
class Weights:
    """How the weights of experts are kept.

    Attributes:
        bytes: of one weight, scales included.
        precision: type in which they are multiplied.
        measured: curves that answer for them, nearest first.
    """

    bytes: float
    precision: str
    measured: tuple[str, ...]


WEIGHTS = {
    "bf16": Weights(2.0, "bf16", ("bf16",)),
    "fp8": Weights(1.0, "fp8", ("fp8", "fp8_block", "bf16")),
    "fp8_block": Weights(1 + 4 / 128**2, "fp8", ("fp8_block", "fp8", "bf16")),
    "nvfp4": Weights(1 / 2 + 1 / 16, "fp4", ("nvfp4", "mxfp4", "int4", "bf16")),
    "mxfp4": Weights(1 / 2 + 1 / 32, "bf16", ("mxfp4", "int4", "bf16")),
    "mxfp4_mxfp8": Weights(1 / 2 + 1 / 32, "fp8", ("mxfp4_mxfp8", "mxfp4", "int4", "bf16")),
    "int4": Weights(1 / 2 + 2 / 32, "bf16", ("int4", "mxfp4", "bf16")),
}
"""Weights that are measured: fp8 with a scale for the tensor or for 128 x 128 blocks (4 bytes each); NVFP4 with a scale
of a byte for 16 weights; MXFP4 with a byte for 32, its tokens in 16 bits or in MXFP8; integers of 4 bits with a 16-bit
scale for 32, their tokens in 16 bits (Marlin)."""


@dataclass(frozen=True)
class ExpertCurve:
    """How a device's fused kernels run the experts of one layer, from routed tokens to their sum.

    Attributes:
        share: of the peak rate that the products attain.
        reach: times its even share of the bandwidth that one multiprocessor can draw, where tiles are too few for all.
        exposed: of the shorter of computing and moving bytes, what is not hidden behind the longer.
        bandwidth: share of the memory bandwidth that reading weights attains.
        cached: rate of reading those from the second-level cache, relative to that.
        passes: times that the rows of all routed tokens are written or read: permutation, activation, cast, sum.
        launch: seconds of all the kernels, however little they do.
    """

    share: float
    reach: float
    exposed: float
    bandwidth: float
    cached: float
    passes: float
    launch: float

    def seconds(
        self,
        routed: Count,
        assigned: Any,
        hit: Any,
        hidden: Count,
        width: Count,
        matrices: int,
        *,
        weight: float,
        peak: float,
        memory: float,
        processors: int,
        resident: Count = 0,
    ) -> Seconds:
        """Of the experts of one layer that lie on one GPU.

        Args:
            routed: pairs of a token and one of its experts, wherever that lies.
            assigned: those whose expert is on this GPU; expected, so seldom a whole number.
            hit: experts of this GPU with a token; expected as well.
            hidden: elements of a token.
            width: elements between the matrices of an expert, on this GPU.
            matrices: of an expert: 3 with a gate, 2 without.
            weight: bytes of a weight.
            peak: FLOP per second of the device in the type of the products.
            memory: bytes per second of its memory.
            processors: its multiprocessors.
            resident: 1 where the weights still lie in the second-level cache, as in tables that run a kernel over and
                over; 0 in a model.
        """
        weights, streaming = hit * (matrices * width * hidden * weight), self.bandwidth * memory
        tiles = hit * (ceil_div(assigned, hit * TILE) * ceil_div(width, TILE))
        filled = minimum(1.0, ratio(tiles * self.reach, processors))
        reading = ratio(ratio(weights, 1 + resident * (self.cached - 1)), filled * streaming)
        moving = reading + ratio(assigned * (matrices * width * 2), streaming)
        rows = hit * (ceil_div(assigned, hit * ROWS) * ROWS)
        computing = ratio(rows * (2 * matrices * width * hidden), self.share * peak)
        longer, shorter = maximum(computing, moving), minimum(computing, moving)
        passing = ratio(routed * hidden * (2 * self.passes), memory)
        return self.launch + longer + self.exposed * shorter + passing


def experts_hit(experts: Any, tokens: Count, assigned: Any) -> float:
    """Experts of a GPU with a token, expected where every set of experts is as likely as any other.

    Args:
        experts: on the GPU.
        tokens: that are routed, each to different experts.
        assigned: pairs of a token and an expert of this GPU.
    """
    missed = power(1 - ratio(assigned, tokens * experts), tokens)
    result: float = experts * (1 - missed)
    return result
