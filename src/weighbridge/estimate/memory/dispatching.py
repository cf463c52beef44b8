"""Buffers that libraries for sending tokens to experts take outside PyTorch's allocator (Megatron-Core's flex
dispatcher), made for the first layer and used by all.

Buffers of NCCL's own kernels (--moe-flex-dispatcher-backend ncclep) are left out: no source states their sizes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from weighbridge.arithmetic import ceil_div
from weighbridge.hardware.cluster import Cluster
from weighbridge.kernels import Backend, Exchange, Experts
from weighbridge.parallel.plan import Plan
from weighbridge.tape import Axis, Tape
from weighbridge.traced import plain

WORKSPACE = 32 * 2**20
"""Bytes of DeepEP's workspace (deepseek-ai/DeepEP, csrc/kernels/legacy/compiled.cuh, LEGACY_NUM_WORKSPACE_BYTES)."""

CHANNELS = 20 // 2
"""DeepEP's channels: two of Megatron-Core's 20 multiprocessors each (token_dispatcher.py, set_deepep_num_sms)."""

PEERS = 8
"""Ranks that DeepEP reaches over NVLink (the same file, LEGACY_NUM_MAX_NVL_PEERS)."""

TOKENS = {2: 256, 4: 256, 8: 256, 16: 288, 24: 288, 32: 288, 48: 288, 64: 288, 96: 480, 128: 560, 144: 720, 160: 720}
"""Tokens that a channel receives over NVLink, by ranks (deep_ep/buffers/legacy.py, get_dispatch_config)."""

FAR_TOKENS = 128
"""The same over the network."""

META, INDICES, WEIGHTS, SCALES, FLAGS = 8, 128 * 8, 128 * 4, 128 * 4, 16
"""Bytes beside each token's values: where it comes from; room for 128 experts and their weights, and 128 scales; flags
of the network's buffer (csrc/legacy/config.hpp, get_nvl_buffer_size_hint, get_rdma_buffer_size_hint)."""


@dataclass(frozen=True)
class Sending:
    """What is sent, as a rank sees it.

    Attributes:
        tokens: of a rank and micro-batch.
        hidden: elements of each.
        experts: in all.
        ranks: that share the experts, those that share an expert's inside included.
        near: of them, as many as NVLink connects.
    """

    tokens: int
    hidden: int
    experts: int
    ranks: int
    near: int


def deepep(sending: Sending) -> int:
    """DeepEP: for every channel and rank of the server, and for every channel and server, tokens in 16 bits."""
    token = 2 * sending.hidden + META + INDICES + WEIGHTS + SCALES
    known = [ranks for ranks in TOKENS if ranks >= sending.ranks]
    received = TOKENS[min(known, default=max(TOKENS))]
    near, servers = min(sending.ranks, PEERS), max(sending.ranks // PEERS, 1)
    found = CHANNELS * near * (received * token + (2 * servers + 3) * 4)
    if sending.ranks > PEERS:
        found += 2 * CHANNELS * servers * (FAR_TOKENS * (token + FLAGS) + (2 * PEERS + 2) * 4)
    return found + WORKSPACE


def hybridep(sending: Sending) -> int:
    """HybridEP: room for all tokens of all ranks, as if one rank were sent them all, with a weight for every expert of
    its NVLink domain and a scale for 128 values; what is sent and received shares it. Between domains, a rank's own
    tokens, and one buffer dispatching and two combining for every other domain (deepseek-ai/DeepEP, branch hybrid-ep,
    csrc/hybrid_ep/buffer/intranode.cu, internode_doca.cu; deep_ep/hybrid_ep_buffer.py, use_shared_buffer).
    """
    own = sending.experts // sending.ranks
    tokens = 16 * ceil_div(sending.tokens, 16)  # update_template_config
    values, scales, weights = 2 * sending.hidden, 4 * (sending.hidden // 128), 4 * own * sending.near
    found = tokens * sending.ranks * (values + weights + scales)
    others = sending.ranks // sending.near - 1
    if others:
        found += tokens * (values + scales + 4 * sending.experts)
        found += tokens * others * (3 * (values + weights) + scales)
    return found


LIBRARIES: dict[Backend, Callable[[Sending], int]] = {Backend.DEEPEP: deepep, Backend.HYBRIDEP: hybridep}


def dispatching(tape: Tape, plan: Plan, cluster: Cluster) -> int:
    """Bytes on every rank; 0 where tokens are sent by NCCL's collectives or not at all."""
    kernels = tape.run.kernels
    if kernels.experts is not Experts.MEGATRON or kernels.routing.exchange is not Exchange.FLEX:
        return 0
    ranks = int(plain(plan.expert * plan.inside_experts))
    send = next((operation for operation in tape.operations if operation.name == "exchange"), None)
    if send is None or ranks < 2 or kernels.routing.backend not in LIBRARIES:
        return 0
    sent = send.reads[0]
    rows, hidden = sent.axes
    assert isinstance(rows, Axis), "what is sent stands in rows"
    assert rows.choices is not None, "what is sent once is chosen"
    streams = int(plain(plan.context * (plan.tensor if plan.sequence_parallel else 1)))
    experts = int(plain(rows.choices[0] * plan.inside_experts))
    near = min(ranks, cluster.gpus_per_node)
    return LIBRARIES[kernels.routing.backend](
        Sending(
            tokens=ceil_div(int(plain(rows.units)), streams),
            hidden=int(plain(hidden.size)),
            experts=experts,
            ranks=ranks,
            near=near if ranks % near == 0 else 1,
        )
    )
