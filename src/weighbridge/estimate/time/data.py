"""What data parallel ranks send in a step, and how long the optimizer takes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from weighbridge.arithmetic import Count, ceil_div, maximum, ratio, total
from weighbridge.estimate.memory.gathering import Group
from weighbridge.estimate.memory.stage import Stage
from weighbridge.estimate.time.clock import Clock
from weighbridge.estimate.time.work import NOTHING, Doing, Seconds, exposed
from weighbridge.parallel.zero import Engine
from weighbridge.traced import plain
from weighbridge.tree import Kind
from weighbridge.units import FP8, FP32, DataType

BUCKET = 40_000_000
"""Elements that gradients are reduced and weights gathered in at a time (Megatron-Core, distributed/
distributed_data_parallel.py: 40 million, or more where there are many ranks)."""

FUSED, BY_LISTS = 1.3, 3.4
"""Seconds of the optimizer's step over those of a copy that moves its states, gradients and weights once: of one kernel
for all of it (1.2 in fp32, 1.4 in bf16), and of one kernel for each term (benchmarks/measured/kernels, H100, AdamW)."""

HOST_LINK = 450_000_000_000
"""Bytes per second and direction between a device that is no card and its host: NVLink-C2C (NVIDIA GB200 datasheet: 900
GB/s both ways)."""

HOST_MEMORY = 50_000_000_000
"""Bytes per second of the host's memory for each of eight devices: two sockets of eight channels of DDR5-4800 have 614
GB/s (DGX H100), of which two thirds are taken to be attained: an assumption, nothing was measured."""


@dataclass(frozen=True, eq=False)
class DataParallel:
    """Messages and the optimizer's step of one rank of a stage.

    Attributes:
        clock: seconds of kernels and messages.
        stage: the stage.
    """

    clock: Clock
    stage: Stage

    @cached_property
    def elements(self) -> tuple[Count, Count]:
        """A rank's trained parameters outside experts and of experts."""
        held = [h for h in self.stage.states.held if h.weight.trained]
        count = self.clock.plan.sharding.count
        dense, expert = (total(h.copies * count(h.weight) for h in held if h.expert is kind) for kind in (False, True))
        return dense, expert

    def over_ranks(self, collective: str, dense: Count, expert: Count) -> Seconds:
        """A collective of so many bytes outside experts and of experts, each among the ranks that hold the same."""
        plan = self.clock.plan
        found = self._among(collective, dense, plan.data_ranks, plan.tensor)
        if type(expert) is int and expert == 0:
            return found
        return found + self._among(collective, expert, plan.expert_data_ranks, plan.inside_experts * plan.expert)

    def _among(self, collective: str, bytes: Count, ranks: Count, stride: Count) -> Seconds:
        """A collective of ranks that are a stride apart. Where several groups hold the whole (HSDP), each group gathers
        and scatters by itself, and what a rank then has is summed over groups (PyTorch,
        torch/distributed/fsdp/_fully_shard/_fsdp_collectives.py, foreach_reduce).
        """
        groups = self.clock.plan.zero.instances
        if plain(groups) == 1 or collective == "all_reduce":
            return self.clock.message(collective, bytes, ranks, stride)
        own = ceil_div(ranks, groups)
        found = self.clock.message(collective, bytes, own, stride)
        if collective == "all_gather":
            return found
        return found + self.clock.message("all_reduce", ceil_div(bytes, own), groups, own * stride)

    @cached_property
    def spreads_weights(self) -> bool:
        """Weights are gathered for every use (ZeRO 3)."""
        return self.clock.plan.zero.stage == 3

    @cached_property
    def reduction(self) -> DataType:
        """What gradients are reduced in."""
        plan = self.clock.plan
        if plan.zero.engine is Engine.FSDP2:
            return FP32 if plan.zero.average_in_fp32 else plan.precision.compute
        return plan.precision.gradients

    def _bytes(self, dtype: DataType) -> tuple[Count, Count]:
        dense, expert = self.elements
        return dtype.bytes(dense), dtype.bytes(expert)

    @cached_property
    def reducing(self) -> Seconds:
        """Of all gradients of a step, once."""
        collective = "all_reduce" if self.clock.plan.zero.stage == 0 else "reduce_scatter"
        return self.over_ranks(collective, *self._bytes(self.reduction))

    @cached_property
    def gathering(self) -> Seconds:
        """Of all weights after a step, where ranks update shares of them."""
        plan = self.clock.plan
        if plan.zero.stage == 0:
            return 0.0
        return self.over_ranks(
            "all_gather", *self._bytes(FP8 if plan.precision.parameters_in_fp8 else plan.precision.compute)
        )

    @cached_property
    def buckets(self) -> Count:
        """Pieces that they are sent in."""
        return maximum(total(self.elements) // BUCKET if plain(total(self.elements)) > BUCKET else 1, 1)

    def left(self, message: Seconds, window: Seconds) -> Seconds:
        """What of a message is left when a window of computing ends: at least its last bucket."""
        return maximum(exposed(message, window, self.clock.taken), ratio(message, self.buckets))

    def tail(self, window: Seconds) -> Seconds:
        """What a step waits for after the last backward pass, beside which gradients may be reduced.

        Args:
            window: seconds of the last micro-batch's backward pass.
        """
        if self.spreads_weights:
            return 0.0
        return self.left(self.reducing, window) if self.clock.plan.execution.overlaps_gradients else self.reducing

    def head(self, window: Seconds) -> Seconds:
        """What a step waits for in its first forward pass, beside which weights may be gathered."""
        if self.spreads_weights:
            return 0.0
        return self.left(self.gathering, window) if self.clock.plan.execution.overlaps_parameters else self.gathering

    def _group(self, chunk: int, run: int) -> Group:
        return self.stage.gathering.groups[chunk][run]

    def gathered(self, chunk: int, run: int) -> Seconds:
        """Gathering the weights of one run of a piece, where they are spread."""
        group, plan = self._group(chunk, run), self.clock.plan
        low = FP8 if plan.precision.parameters_in_fp8 else plan.precision.compute
        return self.over_ranks("all_gather", low.bytes(group.dense), low.bytes(group.expert))

    def reduced(self, chunk: int, run: int) -> Seconds:
        """Reducing its gradients."""
        group = self._group(chunk, run)
        dense, expert = group.dense - group.frozen, group.expert - group.frozen_expert
        return self.over_ranks("reduce_scatter", self.reduction.bytes(dense), self.reduction.bytes(expert))

    def copied_out(self, chunk: int, run: int) -> Doing:
        """Copying gathered weights to their own tensors: in the stream that computes, beside nothing (PyTorch,
        torch/distributed/fsdp/_fully_shard/_fsdp_collectives.py, foreach_all_gather_copy_out).
        """
        return self._copy("copy out", 2 * self._group(chunk, run).gathered)

    def copied_in(self, chunk: int, run: int) -> Doing:
        """Copying gradients to what is reduced, in the type that it is reduced in: in the stream that computes too (the
        same, foreach_reduce_scatter_copy_in).
        """
        group = self._group(chunk, run)
        return self._copy("copy in", group.whole + self.reduction.bytes(group.trained))

    def _copy(self, name: str, moved: Count) -> Doing:
        plan = self.clock.plan
        if not plan.zero.copies_layers or plain(plan.data_ranks) == 1 or not plain(moved):
            return NOTHING
        return Doing((self.clock.stream(name, Kind.OTHER, moved),))

    @cached_property
    def optimizer(self) -> Seconds:
        """The optimizer's step: reads and writes every state, what it updates, and weights; reads gradients, twice more
        to clip them (the norm, then the scaling, which writes too).
        """
        plan, states = self.clock.plan, self.stage.states
        main = plan.precision.main
        held = states.optimizer + (states.main if main else 0)
        dense, expert = self.elements
        zero = plan.zero
        own = zero.share(dense, 1, plan.data_ranks) + zero.share(expert, 1, plan.expert_data_ranks)
        gradients = plan.precision.gradients.bytes(own)
        weights = plan.precision.weights.bytes(own) * (1 if main else 2)
        moved = 2 * held + weights + 4 * gradients
        whole = plan.precision.gradients.bytes(
            zero.share(dense, 2, plan.data_ranks) + zero.share(expert, 2, plan.expert_data_ranks)
        )
        slower = BY_LISTS if plan.optimizer.temporaries else FUSED
        there = slower * self.clock.speeds.stream(moved) + self.clock.speeds.stream(whole)  # gradients are zeroed
        return there + self._on_host(gradients + weights) if plan.offload.optimizer else there

    def _on_host(self, sent: Count) -> Seconds:
        """What of the optimizer's step the host does: gradients come over, weights go back, states are read and written
        where they stand. Nothing runs beside it.
        """
        share = self.clock.plan.offload.optimizer
        link = self.clock.cluster.device.pcie_bandwidth or HOST_LINK
        return share * ratio(sent, link) + ratio(2 * self.stage.states.on_host, HOST_MEMORY)
