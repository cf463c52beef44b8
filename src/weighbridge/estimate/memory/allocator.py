"""What PyTorch's caching allocator reserves beyond what tensors ask for."""

from __future__ import annotations

from collections.abc import Sequence

from weighbridge import arithmetic
from weighbridge.arithmetic import Count, ceil_div, scale
from weighbridge.estimate.memory.activations import Peak, Run, Weighed
from weighbridge.kernels import Loss
from weighbridge.replay import Direction
from weighbridge.tape import Use
from weighbridge.traced import plain

SEGMENT = 2 * 2**20
"""Bytes: segments of the device's memory are multiples of 2 MiB (c10/cuda/CUDACachingAllocator.h, kLargeBuffer)."""

LARGE = 10 * 2**20
"""Bytes: tensors as large have a segment of their own (the same file, kMinLargeAlloc)."""

FRAGMENTATION = 0.029
"""Share of the allocated peak that lies in free blocks of reserved segments: the median of the 128 ranks of the public
SimuMax rows, which state both counters (benchmarks/measurements; 0.7 % to 7.9 %). An estimate, the same for all plans.
"""


def block(bytes: Count, grows: bool = False) -> Count:
    """Bytes that ``torch.cuda.memory_allocated`` counts for a tensor that stays: the whole segment of a large one where
    no more than 1 MiB of it is left, which is not split off, else the tensor itself (kSmallSize; should_split in
    CUDACachingAllocator.cpp).

    Args:
        bytes: of the tensor.
        grows: segments grow, and the rest of any is split off (PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True).
    """
    return bytes if grows else arithmetic.block(bytes, SEGMENT, LARGE)


def reserved(peak_allocated: Count, apart: Count = 0) -> Count:
    """Bytes that ``torch.cuda.max_memory_reserved`` reports for an allocated peak.

    Args:
        peak_allocated: the allocated peak.
        apart: what is known to be reserved and free at the peak: pools of other streams, blocks too small to be used.
    """
    whole = peak_allocated + apart + scale(peak_allocated, FRAGMENTATION)
    return ceil_div(whole, SEGMENT) * SEGMENT


def stuck(peak: Peak) -> Count:
    """Bytes that layers needed beside what they keep, and that stay in segments of their own when the highest moment
    comes after the layers: segments that do not grow are not joined, and what the head makes is larger than any.
    """
    runs = peak.runs[peak.turn.chunk]
    if peak.run == 0 or peak.working.piece.module is not None:
        return 0
    layer = runs[peak.run - 1].weighed
    return layer.highest[Direction.FORWARD][0] - layer.kept


def renewed(runs: Sequence[Run], largest: int) -> int:
    """Bytes of activations that find no place in a later step, for plain numbers: states that the first step makes take
    the places of what it has freed, and in those of gradients, free again after it, nothing larger fits (the allocator
    gives a free block to requests of its size or smaller ones).

    Args:
        runs: the pieces of a chunk.
        largest: bytes of the largest gradient.
    """
    most = 0
    for weighed in (run.weighed for run in runs):
        _, place = weighed.highest[Direction.BACKWARD]
        standing = weighed.replay.standing(Direction.BACKWARD, -place)
        sizes = [(plain(weighed.size(tensor)), times) for tensor, times in standing]
        large = sum(times * bytes for bytes, times in sizes if bytes > largest)
        most = max(most, large + (plain(place_of_logits(weighed)) if large else 0))
    return most


def hole(peak: Peak) -> Count:
    """Bytes of the logits where they were freed before the highest moment and no tensor that stands then fits into
    their place.
    """
    return place_of_logits(peak.working) if peak.direction is Direction.BACKWARD else 0


def place_of_logits(working: Weighed) -> Count:
    """Bytes of the logits that a piece makes and frees before its loss runs backward, where nothing fits into their
    place: the fp32 tensors of a loss that is written out are twice as large (c10/cuda/CUDACachingAllocator.cpp: a block
    is given to requests of its size or smaller ones).
    """
    if working.piece.tape.run.kernels.loss not in (Loss.EAGER, Loss.SHARED):
        return 0
    made = [t for operation in working.piece.operations for t in operation.makes if t.use is Use.LOGITS]
    logits = next((t for t in made if t.dtype is working.piece.tape.dtype), None)
    return 0 if logits is None else working.size(logits)
