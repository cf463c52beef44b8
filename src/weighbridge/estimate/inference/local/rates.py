"""At which rate devices read weights and the cache to make one token, and what each kernel takes besides.

None of it is fitted to a row that ``make accuracy`` scores: shares are of microbenchmarks, the rest is of runs of other
models that the engines' developers published.
"""

from __future__ import annotations

from dataclasses import dataclass

from weighbridge.hardware.device import Device

SHARE = 0.93
"""Of a graphics card's bandwidth that products of a matrix and a vector attain: 0.928 and 0.919 (fp16, q8_0; RTX 4070)
and 0.962 (bf16; RTX 3090 Ti), test-backend-ops perf of 4096 x 14336, above any cache (ggml-org/llama.cpp pull requests
10991 and 15131)."""

ECC = 15 / 16
"""Of the bandwidth of a card that keeps check bits in its GDDR memory beside the data: one sixteenth of memory is gone
(cudaGetDeviceProperties), and with it of what is read."""

BYTES_A_CLOCK = 6.8
"""Bytes that a multiprocessor takes in for each clock while a block works on a row: what warps have under way at once
over how long memory takes. From llama-2-7b Q4_K_M on an H100 PCIe, 163.83 tokens/s (ggml-org/llama.cpp issue 6763)."""

GAP = 3.2e-6
"""Seconds from kernel to kernel in a CUDA graph beside the bytes: Llama 2 7B Q4_0 on RTX 4090 and 3090, 146.81 and
128.27 tokens/s (ggml-org/llama.cpp pull request 6766), mean."""

GAP_LAUNCHED = 0.72e-6
"""Seconds more where the host launches kernels one by one: the same runs without graphs, 138.31 and 116.31 tokens/s,
and 143.35 on the H100 PCIe (issue 6763), mean."""

APPLE_SHARE = 0.853
"""Of an Apple chip's bandwidth: Llama 7B in Q8_0, Q4_1 and Q4_0 on an M2 Ultra, 62.05, 83.63 and 88.54 tokens/s: the
slope of time over bytes (ggml-org/llama.cpp pull request 2917)."""

APPLE_GAP = 7.8e-6
"""Seconds of a kernel of Apple's beside its bytes: the offset of the same line over the kernels of a token."""

APPLE_BYTES_A_CLOCK = 6.4
"""Bytes of k-quants that a core of Apple's decodes and multiplies for each clock: Q4_K from 7B to 65B on an M2 Max of
30 cores (274 GB/s) and to 13B on an M1 Pro of 16 (129 GB/s) (ggml-org/llama.cpp pull request 2290)."""

CPU_SHARE = 0.675
"""Of a processor's bandwidth: Llama 7B Q4_0 in 54.74 ms on a Core i9-13900K with two channels of DDR5-6400
(ggml-org/llama.cpp issue 34)."""

CORES = {(8, 0): 64, (7, 5): 64, (7, 0): 64, (6, 0): 64}
"""Units in fp32 of a multiprocessor by compute capability (CUDA C++ Programming Guide, arithmetic instructions); 128
of all others."""


@dataclass(frozen=True)
class Rates:
    """How a device makes a token.

    Attributes:
        memory: bytes per second from its memory.
        units: bytes per second that its multiprocessors take in; ``None`` for no such limit.
        packed: bytes per second of k-quants that they decode; ``None`` for no such limit.
        gap: seconds of a kernel beside its bytes, launched ahead.
        launch: seconds more where the host launches each.
    """

    memory: float
    units: float | None
    packed: float | None
    gap: float
    launch: float

    def read(self, moved: float, kind: str = "", again: float = 1.0) -> float:
        """Seconds to read bytes once from memory, and ``again`` times into the multiprocessors.

        Args:
            moved: bytes.
            kind: the type they are in, of which k-quants take more to decode.
            again: how often each byte is asked for; caches answer all but the first.
        """
        limits = [moved / self.memory]
        if self.units is not None:
            limits.append(moved * again / self.units)
        if self.packed is not None and kind.endswith("_k"):
            limits.append(moved / self.packed)
        return max(limits)


def clocks(device: Device) -> float:
    """Multiprocessors, or cores, times their clock: from the rate in fp32."""
    cores = 128 if device.capability is None else CORES.get(device.capability, 128)
    return device.peak_flops["fp32"] / (2 * cores)


def rates(device: Device) -> Rates:
    """The rates of a device."""
    if device.kind == "CPU":
        return Rates(CPU_SHARE * device.memory_bandwidth, None, None, 0.0, 0.0)
    if device.vendor == "Apple":
        memory = APPLE_SHARE * device.memory_bandwidth
        return Rates(memory, None, APPLE_BYTES_A_CLOCK * clocks(device), APPLE_GAP, 0.0)
    checked = device.usable_bytes <= ECC * device.memory_bytes
    memory = SHARE * device.memory_bandwidth * (ECC if checked else 1.0)
    if device.vendor != "NVIDIA":
        return Rates(memory, None, None, GAP, GAP_LAUNCHED)
    return Rates(memory, BYTES_A_CLOCK * clocks(device), None, GAP, GAP_LAUNCHED)
