"""At which rate devices read weights and the cache to make one token, and what each kernel takes besides.

None of it is fitted to a row that ``make accuracy`` scores: shares are of microbenchmarks, the rest is of runs of other
models that the engines' developers published.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

from weighbridge.arithmetic import minimum, ratio
from weighbridge.hardware.device import Device
from weighbridge.traced import Label, named, plain

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


SOURCES = {
    "card": "ggml-org/llama.cpp, pull requests 10991 and 15131",
    "Apple": "ggml-org/llama.cpp, pull request 2917",
    "processor": "ggml-org/llama.cpp, issue 34",
}
"""Where each kind's share of its bandwidth was measured."""


@dataclass(frozen=True)
class Rates:
    """How a device makes a token.

    Attributes:
        bandwidth: bytes per second of its memory, as published.
        share: of those that products of a matrix and a vector attain.
        source: where that was measured.
        gap: seconds of a kernel beside its bytes, launched ahead.
        launch: seconds more where the host launches each.
        checked: of the bandwidth, what check bits leave; ``None`` for all.
        clocks: multiprocessors, or cores, times their clock; ``None`` where neither limits.
        taken: bytes that a multiprocessor takes in for each clock; ``None`` for no such limit.
        decoded: bytes of k-quants that a core decodes for each clock; ``None`` for no such limit.
        name: what symbols call the device; empty where it is the only one.
    """

    bandwidth: float
    share: float
    source: str
    gap: float = 0.0
    launch: float = 0.0
    checked: float | None = None
    clocks: float | None = None
    taken: float | None = None
    decoded: float | None = None
    name: str = ""

    def symbol_of(self, field: str) -> str:
        """What formulas call a field."""
        symbol = SYMBOLS.get(field, field)
        return owned(self.name, symbol) if field in ("bandwidth", "clocks") else symbol

    @property
    def memory(self) -> float:
        """Bytes per second from its memory."""
        whole = self.share * self.bandwidth
        label = Label("attained_bandwidth", "bytes/s", "of products of a matrix and a vector", self.source)
        return named(whole if self.checked is None else whole * self.checked, label)

    @property
    def units(self) -> float | None:
        """Bytes per second that its multiprocessors take in; ``None`` for no such limit."""
        if self.taken is None or self.clocks is None:
            return None
        return named(self.taken * self.clocks, Label("intake", "bytes/s", "of all multiprocessors"))

    @property
    def packed(self) -> float | None:
        """Bytes per second of k-quants that they decode; ``None`` for no such limit."""
        if self.decoded is None or self.clocks is None:
            return None
        return named(self.decoded * self.clocks, Label("decoding", "bytes/s", "of k-quants, by all cores"))

    def rate(self, kind: str = "", again: float | None = None) -> float:
        """Bytes per second of what is read once from memory, and ``again`` times into the multiprocessors.

        Args:
            kind: the type the bytes are in, of which k-quants take more to decode.
            again: how often each byte is asked for, where that is not once; caches answer all but the first.
        """
        limits = [self.memory]
        if self.units is not None:
            limits.append(self.units if again is None else ratio(self.units, again))
        packed = self.packed if kind.endswith("_k") else None
        if packed is not None:
            limits.append(packed)
        slowest = reduce(minimum, limits)
        label = Label("read_rate" if packed is None else "k_quant_rate", "bytes/s")
        return named(slowest, label) if len(limits) > 1 else slowest

    def kernel(self, ahead: bool) -> float:
        """Seconds of a kernel beside its bytes.

        Args:
            ahead: it is launched ahead, in a graph.
        """
        return self.gap if ahead or not plain(self.launch) else self.gap + self.launch


SYMBOLS = {
    "bandwidth": "memory_bandwidth",
    "share": "attained_share",
    "gap": "kernel_gap",
    "launch": "kernel_launch",
    "checked": "share_beside_check_bits",
    "taken": "bytes_per_clock",
    "decoded": "decoded_per_clock",
}
"""What formulas call fields of rates."""


def owned(name: str, symbol: str) -> str:
    """A symbol of one device among several; without a name, of the only one."""
    return f"{name}_{symbol}" if name else symbol


def clocks(device: Device) -> float:
    """Multiprocessors, or cores, times their clock: from the rate in fp32."""
    cores = 128 if device.capability is None else CORES.get(device.capability, 128)
    return device.peak_flops["fp32"] / (2 * cores)


def rates(device: Device) -> Rates:
    """The rates of a device."""
    bandwidth = device.memory_bandwidth
    if device.kind == "CPU":
        return Rates(bandwidth, CPU_SHARE, SOURCES["processor"])
    if device.vendor == "Apple":
        decoded = APPLE_BYTES_A_CLOCK
        return Rates(bandwidth, APPLE_SHARE, SOURCES["Apple"], APPLE_GAP, clocks=clocks(device), decoded=decoded)
    checked = ECC if device.usable_bytes <= ECC * device.memory_bytes else None
    if device.vendor != "NVIDIA":
        return Rates(bandwidth, SHARE, SOURCES["card"], GAP, GAP_LAUNCHED, checked)
    return Rates(bandwidth, SHARE, SOURCES["card"], GAP, GAP_LAUNCHED, checked, clocks(device), BYTES_A_CLOCK)
