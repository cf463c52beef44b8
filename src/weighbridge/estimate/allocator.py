"""What PyTorch's caching allocator reserves beyond what tensors ask for."""

from __future__ import annotations

from weighbridge.arithmetic import Count, ceil_div, scale

SEGMENT = 2 * 2**20
"""Bytes: segments of the device's memory are multiples of 2 MiB (c10/cuda/CUDACachingAllocator.h, kLargeBuffer)."""

FRAGMENTATION = 0.029
"""Share of the allocated peak that lies in free blocks of reserved segments: the median of the 128 ranks of the public
SimuMax rows, which state both counters (benchmarks/measurements; 0.7 % to 7.9 %). An estimate, the same for all plans.
"""


def reserved(peak_allocated: Count) -> Count:
    """Bytes that ``torch.cuda.max_memory_reserved`` reports for an allocated peak."""
    whole = peak_allocated + scale(peak_allocated, FRAGMENTATION)
    return ceil_div(whole, SEGMENT) * SEGMENT
