"""What each engine of data parallelism holds beside the shards."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from weighbridge.arithmetic import Count, minimum, total
from weighbridge.estimate.memory.fsdp import Fsdp2
from weighbridge.estimate.memory.gathering import Beside, Gathering
from weighbridge.parallel.zero import Engine
from weighbridge.replay import Direction
from weighbridge.traced import plain

if TYPE_CHECKING:
    from weighbridge.estimate.memory.stage import Stage

PREFETCHED = 50_000_000
"""Elements that DeepSpeed's stage 3 gathers ahead (deepspeed/runtime/zero/config.py, prefetch_bucket_size)."""


class DataParallel(Gathering):
    """PyTorch's DistributedDataParallel reduces gradients in buckets, which are a copy of them unless gradients are
    views of buckets (torch/nn/parallel/distributed.py, gradient_as_bucket_view, off by default). Gradients themselves
    are freed after the step (torch/optim/optimizer.py, zero_grad, set_to_none), and stand from the backward pass that
    makes them; of several micro-batches, all the time but for the first.
    """

    @cached_property
    def moves_gradients(self) -> bool:
        return bool(plain(self.plan.micro_batches) == 1 and plain(self.plan.pipeline) == 1)

    @property
    def frees_gradients(self) -> bool:
        return True

    @property
    def standing(self) -> Count:
        return self.shared * self.stage.states.gradients

    def beside(self, chunk: int, run: int, direction: Direction, behind: int) -> Beside:
        if not self.moves_gradients or direction is Direction.FORWARD:
            return Beside()
        groups, runs = self.groups[chunk], self.stage.runs[chunk]
        after = [(groups[place], runs[place].count) for place in range(run + 1, len(runs))]
        elements = total(n * group.elements for group, n in [*after, (groups[run], behind)])
        return Beside(gradients=self.plan.precision.gradients.bytes(elements))


class DeepSpeed(Gathering):
    """DeepSpeed's ZeRO. Stages 1 and 2 copy gradients to a bucket in the backward pass (runtime/zero/stage_1_and_2.py,
    ipg_buffer). Stage 3 has that bucket all the time, keeps small weights gathered, gathers the others module by module
    and some ahead (runtime/zero/stage3.py, __ipg_bucket_flat_buffer; partitioned_param_coordinator.py).
    """

    @property
    def bucket(self) -> Count:
        """Bytes of the bucket that reduces gradients."""
        spread = self.plan.zero.stage > 0
        return self.shared * self.plan.precision.compute.bytes(self.plan.zero.bucket) if spread else 0

    @cached_property
    def standing(self) -> Count:
        if self.plan.zero.stage < 3:
            return 0
        counted = zip(self.groups, self.stage.runs, strict=True)
        small = total(g.small * run.count for own, runs in counted for g, run in zip(own, runs, strict=True))
        return self.bucket + self.shared * self.plan.precision.compute.bytes(small)

    def beside(self, chunk: int, run: int, direction: Direction, behind: int) -> Beside:
        backward = direction is Direction.BACKWARD
        if self.plan.zero.stage < 3:
            piped = plain(self.plan.pipeline) > 1  # a pipeline reduces when all micro-batches are done
            return Beside(self.bucket if backward and not piped else 0)
        group = self.groups[chunk][run]
        ahead = self.plan.precision.compute.bytes(minimum(group.elements, PREFETCHED))
        return Beside(self.shared * (group.gathered + ahead + (group.whole if backward else 0)))


class MegatronFsdp(Gathering):
    """Megatron-FSDP gathers a layer and the one that comes next, and reduces a layer's gradients while the next makes
    its own (megatron/core/distributed/fsdp/src/megatron_fsdp/param_and_grad_buffer.py).
    """

    def beside(self, chunk: int, run: int, direction: Direction, behind: int) -> Beside:
        group, zero = self.groups[chunk][run], self.plan.zero
        weights = 2 * group.gathered if zero.stage > 2 else 0
        reduces = direction is Direction.BACKWARD and zero.stage > 1
        gradients = 2 * self.plan.precision.gradients.bytes(group.elements) if reduces else 0
        return Beside(self.shared * (weights + gradients))


ENGINES: dict[Engine, type[Gathering]] = {
    Engine.MEGATRON: Gathering,
    Engine.DEEPSPEED: DeepSpeed,
    Engine.FSDP2: Fsdp2,
    Engine.MEGATRON_FSDP: MegatronFsdp,
    Engine.DDP: DataParallel,
}


def gathering(stage: Stage) -> Gathering:
    """What the plan's engine holds beside the shards."""
    return ENGINES[stage.training.plan.zero.engine](stage)
