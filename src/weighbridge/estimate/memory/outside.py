"""Memory that a process takes outside PyTorch's allocator: the CUDA context, and NCCL's buffers. An estimate.

NCCL keeps buffers for every pair of ranks that it has connected, on every channel (NVIDIA/nccl, src/transport/p2p.cc,
net.cc). A ring connects two neighbours. Not counted: trees and NVLink SHARP, connected where it chooses them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from weighbridge.arithmetic import Count, ceil_div
from weighbridge.hardware.cluster import Cluster
from weighbridge.kernels import Exchange
from weighbridge.parallel.plan import Plan
from weighbridge.parallel.zero import Engine
from weighbridge.traced import plain

MIB = 2**20
RECEIVES, SENDS = 10 * MIB, 2 * MIB
"""Bytes of a channel's connection: three protocols' buffers where it receives (NCCL_BUFFSIZE, 4 MiB; 4.7 MiB for LL128,
0.5 MiB for LL; src/init.cc), flags where it sends; in pages of 2 MiB (both sizes as logged in NVIDIA/nccl issue 1685).
"""

SENDS_FAR = 10 * MIB
"""Bytes where it sends to another server: the network card reads LL128's and the simple protocol's buffers, 8.7 MiB."""

SHARED = 2 * 16 * 2**17
"""Bytes of a channel for sends to, and for receipts from, any rank of other servers: 16 chunks of 128 KiB for each
(NCCL_P2P_NET_CHUNKSIZE; src/transport/net.cc, NCCL_SHARED_STEPS).
"""

LINK, BLACKWELL_LINK = 25 * 10**9, 50 * 10**9
"""Bytes per second and direction of one NVLink (2 to 4, and 5); NCCL runs two rings over each."""

MOST, BLACKWELL_MOST = 24, 32
"""Channels as NCCL logs them on servers of A100 (NVIDIA/nccl-tests issue 100) and H100 (vllm-project/vllm issue 10453),
and of B200 (NVIDIA/nccl issue 1646). Fewer links, fewer: 12 on V100 (issue 713), 16 on H800 (issue 892).
"""

PCIE, FAR = 2, 2
"""Channels over PCIe, and per rank of a server to other servers: a ring there and one back per network card
(src/graph/connect.cc); of each pair of ranks in different servers too (src/graph/paths.cc)."""


@dataclass(frozen=True)
class Ranks:
    """A communicator.

    Attributes:
        count: its ranks.
        apart: how far apart they stand in the order of all ranks.
        peers: ranks that each one sends to by itself; 0 where all pass on in a ring.
    """

    count: int
    apart: int = 1
    peers: int = 0

    def within(self, node: int) -> int:
        """How many of them stand in one server."""
        return min(self.count, max(1, node // self.apart))


def communicators(plan: Plan) -> Iterator[Ranks]:
    """What a rank takes part in. Ranks stand in the order tensor, context, data, pipeline; experts before data
    (megatron/core/parallel_state.py; torchtitan/distributed/parallel_dims.py).
    """
    tensor, context, pipeline, gpus = (int(plain(n)) for n in (plan.tensor, plan.context, plan.pipeline, plan.gpus))
    kernels = plan.kernels
    yield Ranks(tensor)
    yield Ranks(context, tensor, context - 1 if kernels.exchanges_heads else min(2, context - 1))
    yield Ranks(int(plain(plan.data_ranks)), tensor)
    yield Ranks(pipeline, gpus // pipeline, min(2, pipeline - 1))
    if plan.zero.engine not in (Engine.FSDP2, Engine.DDP):  # barriers, and the norm of all gradients
        yield Ranks(gpus)
    expert, inside = int(plain(plan.expert)), int(plain(plan.inside_experts))
    if expert > 1:
        alone = expert - 1 if kernels.routing.exchange is Exchange.ALL_TO_ALL else 0
        yield Ranks(expert, inside, alone)
        yield Ranks(int(plain(plan.expert_data_ranks)), inside * expert)


def channels(cluster: Cluster) -> int:
    """Channels of a communicator inside one server."""
    device = cluster.device
    if not device.link_bandwidth:
        return PCIE
    modern = device.capability is not None and device.capability[0] >= 10
    links = device.link_bandwidth // (BLACKWELL_LINK if modern else LINK)
    return max(PCIE, min(2 * links, BLACKWELL_MOST if modern else MOST))


def buffers(ranks: Ranks, cluster: Cluster) -> Count:
    """Bytes of one communicator on one rank."""
    near = ranks.within(cluster.gpus_per_node)
    inside = near == ranks.count
    own = channels(cluster) if inside else min(channels(cluster), FAR * near)
    if not ranks.peers:
        crossing = 0 if inside else ceil_div(own, near)
        return own * (RECEIVES + SENDS) + crossing * (SENDS_FAR - SENDS)
    pairs = 1 << (own - 1).bit_length() if inside else FAR
    shared = 0 if inside else (1 << (own - 1).bit_length()) * SHARED
    return min(ranks.peers, near - 1) * pairs * (RECEIVES + SENDS) + shared


def outside(plan: Plan, cluster: Cluster) -> Count:
    """Bytes of the context and of every communicator of more than one rank."""
    found = sum(buffers(ranks, cluster) for ranks in communicators(plan) if ranks.count > 1)
    return cluster.device.context_bytes + found
