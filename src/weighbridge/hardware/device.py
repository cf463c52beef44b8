"""One accelerator: what it holds, how fast it computes, reads and sends, and what its libraries take of its memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from weighbridge.errors import InputError, did_you_mean, given

PRECISIONS = ("fp32", "tf32", "bf16", "fp16", "fp8", "int8", "fp6", "fp4")
"""Types that matrix multiplications have a peak rate for, widest first; ``fp32`` without tensor cores."""

PCIE_BANDWIDTH = {3: 15_753_846_154, 4: 31_507_692_308, 5: 63_015_384_615, 6: 118_000_000_000}
"""Bytes per second and direction of 16 lanes, by generation: 8, 16, 32 and 64 GT/s per lane, of which 128/130 (3 to 5)
or 236/256 (6) is data. Source: PCI Express base specifications, line coding and flit layout."""

MIB = 2**20

CUBLAS_LARGE = 4096 * 8 * 1024
"""Bytes: 32 MiB."""

CUBLAS_SMALL = 4096 * 1024 * 2 + 16 * 1024 * 8
"""Bytes: the configuration ``:4096:2:16:8``."""

KINDS = ("GPU", "accelerator", "system on a chip", "CPU")
"""What a device is: a graphics processor, a matrix processor (TPU, Gaudi, Trainium), one chip with a memory that its
processor shares, or the processor of a server."""

SERIES = ("GeForce", "RTX", "Radeon")
"""Words in the titles of cards for desktops and workstations."""

Capability: TypeAlias = tuple[int, int]
"""Major and minor number of a CUDA compute capability."""


@dataclass(frozen=True)
class Device:
    """One accelerator as PyTorch sees it: a GPU, one die of an MI250X, a chip of a TPU, a socket of a server.

    What nobody published is absent: ``None``, or the neutral value that its line below names; ``figure in sources``
    tells a known figure from a missing one. Memory is in bytes, rates are per second, bandwidths are of one direction.
    Vendors count memory in powers of two (an A100 "80 GB" shows exactly 81,920 MiB), so the advertised number is read
    as GiB.

    Attributes:
        name: its name in the catalogue.
        title: its name in print.
        vendor: who makes it.
        architecture: the family its libraries are built for: ``hopper``, ``gfx942``.
        capability: CUDA compute capability; ``None`` where there is none (AMD).
        memory_bytes: the advertised memory; of a system on a chip or a CPU, the largest that it is sold with.
        usable_bytes: what CUDA reports as total memory (``torch.cuda.get_device_properties(0).total_memory``): less
            than advertised, by error correction and the driver; ``memory_bytes`` where no report is known.
        context_bytes: CUDA context and loaded kernels of one process, outside PyTorch's allocator, without NCCL; an
            estimate from measured logs, as it depends on driver, libraries and what ran; 0 where no log is known.
        memory_bandwidth: bytes per second to and from its memory.
        peak_flops: FLOP per second of dense matrix multiplication, by type; a type it has no unit for is absent.
        link: its link to other GPUs, ``NVLink 4``; ``none`` where only PCIe or a network joins them.
        link_bandwidth: bytes per second that it sends over that link; 0 without one.
        link_gpus: GPUs that the link joins at that rate: 2 for a bridge, 8 on a board, 72 in a rack, a TPU's pod.
        pcie_generation: of its 16 lanes.
        gpus_per_node: GPUs in a usual server of its kind.
        network_bandwidth: bytes per second that each GPU of such a server sends to other servers.
        kind: what it is, one of ``KINDS``.
        network_kind: what such servers are usually joined by: ``InfiniBand``.
        link_latency: seconds from one GPU to another over the link.
        network_latency: seconds that the network's adapter takes.
        tdp_watts: the power it is cooled for, in the vendor's own terms (thermal design, graphics or board power).
        price_per_hour: dollars that one costs for an hour, rented on demand; its source names who asked it and when.
        sources: where each figure comes from, by field; ``peak_flops.bf16`` for a rate.
        estimates: the fields that are estimates.
    """

    name: str
    title: str
    vendor: str
    architecture: str
    capability: Capability | None
    memory_bytes: int
    usable_bytes: int
    context_bytes: int
    memory_bandwidth: int
    peak_flops: Mapping[str, int] = field(hash=False)
    link: str
    link_bandwidth: int
    link_gpus: int
    pcie_generation: int | None
    gpus_per_node: int
    network_bandwidth: int
    sources: Mapping[str, str] = field(hash=False, repr=False)
    estimates: frozenset[str] = frozenset()
    kind: str = "GPU"
    network_kind: str | None = None
    link_latency: float | None = None
    network_latency: float | None = None
    tdp_watts: int | None = None
    price_per_hour: float | None = None

    def peak(self, precision: str) -> int:
        """FLOP per second of dense matrix multiplication in that type.

        Raises:
            InputError: for a type that it has no unit for.
        """
        rate = self.peak_flops.get(precision)
        if rate is None:
            known = f"{', '.join(self.peak_flops)}{did_you_mean(precision, self.peak_flops)}"
            raise InputError(f"precision: {self.title} has no rate for {given(precision)}; allowed: {known}")
        return rate

    @property
    def half(self) -> str:
        """The type of 16 bits that it multiplies in: ``bf16``, or ``fp16`` where it has that alone."""
        return "fp16" if "bf16" not in self.peak_flops and "fp16" in self.peak_flops else "bf16"

    @property
    def own(self) -> bool:
        """Whether it is one that people have themselves: a system on a chip, or a card of a desktop or workstation."""
        return self.kind == "system on a chip" or not set(SERIES).isdisjoint(self.title.split())

    @property
    def pcie_bandwidth(self) -> int:
        """Bytes per second and direction between it and its host; 0 where it is no card."""
        return 0 if self.pcie_generation is None else PCIE_BANDWIDTH[self.pcie_generation]

    @property
    def cublas_workspace_bytes(self) -> int:
        """Bytes of PyTorch's cuBLAS workspace of one (handle, stream), made at the first multiplication, in the
        allocator.

        Source: PyTorch, aten/src/ATen/cuda/CublasHandlePool.cpp, parseChosenWorkspaceSize, without
        ``CUBLAS_WORKSPACE_CONFIG``: 32 MiB on capability 9 to 12, else ``:4096:2:16:8``; on ROCm 128 MiB on gfx94x and
        gfx95x, else 32 MiB. Older releases gave 32 MiB to 9.0 alone. Other devices have neither library: 0.
        """
        if self.capability is None:
            large = self.architecture.startswith(("gfx94", "gfx95"))
            return (128 * MIB if large else CUBLAS_LARGE) if self.architecture.startswith("gfx") else 0
        return CUBLAS_LARGE if 9 <= self.capability[0] <= 12 else CUBLAS_SMALL

    @property
    def transformer_engine_workspace_bytes(self) -> int:
        """Bytes of Transformer Engine's cuBLASLt workspace of one process (one more per stream where communication
        overlaps or experts are grouped); 0 where NVIDIA's library does not run.

        Source: TransformerEngine, pytorch, get_cublas_workspace_size_bytes: 32 MiB + 1,024 bytes from capability 9 on,
        else 4 MiB. Releases up to 2.7 had no 1,024 bytes.
        """
        if self.capability is None:
            return 0
        return 32 * MIB + 1024 if self.capability[0] >= 9 else 4 * MIB

    def problems(self) -> Iterator[tuple[str, str]]:
        """What cannot be: the field, and what is wrong with it."""
        if self.usable_bytes > self.memory_bytes:
            yield "usable_bytes", f"got {self.usable_bytes:,}; allowed is up to memory_bytes, {self.memory_bytes:,}"
        if self.context_bytes >= self.usable_bytes:
            yield "context_bytes", f"got {self.context_bytes:,}; allowed is below usable_bytes, {self.usable_bytes:,}"
        if self.pcie_generation is not None and self.pcie_generation not in PCIE_BANDWIDTH:
            known = ", ".join(map(str, PCIE_BANDWIDTH))
            yield "pcie_generation", f"got {self.pcie_generation:,}; allowed: {known}"
