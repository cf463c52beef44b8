"""What each engine of data parallelism holds beside the shards."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from weighbridge.arithmetic import Count, minimum, total
from weighbridge.estimate.memory.fsdp import Fsdp2
from weighbridge.estimate.memory.gathering import Beside, Gathering, Group
from weighbridge.parallel.precision import SCALED_WHOLE
from weighbridge.parallel.zero import Engine
from weighbridge.replay import Direction
from weighbridge.traced import plain
from weighbridge.units import FP8

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
        elements = total(n * group.trained for group, n in [*after, (groups[run], behind)])
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
    its own (megatron/core/distributed/fsdp/src/megatron_fsdp/param_and_grad_buffer.py). It may keep the buffers of the
    most frequent kind of layer for good (FixedPoolAllocator). A layer's 8-bit weights are copied by columns for its
    backward pass, where the device needs that (megatron_fsdp.py, fp8_create_transpose_cache).
    """

    @property
    def standing(self) -> Count:
        pool = self._buffers(self._frequent, Direction.BACKWARD) if self._frequent else 0
        kept = 0
        if self.plan.zero.keeps_transposes:
            counted = zip(self.groups, self.stage.runs, strict=True)
            layers = ((g, run.count) for own, runs in counted for g, run in zip(own, runs, strict=True))
            kept = total(count * self._transposes(group) for group, count in layers)
        return self.shared * (pool + kept)

    def beside(self, chunk: int, run: int, direction: Direction, behind: int) -> Beside:
        group = self.groups[chunk][run]
        stands = self._frequent is not None and self._same(group, self._frequent)
        buffers = 0 if stands else self._buffers(group, direction)
        backward = direction is Direction.BACKWARD and not self.plan.zero.keeps_transposes
        return Beside(self.shared * (buffers + (self._transposes(group) if backward else 0)))

    def _buffers(self, group: Group, direction: Direction) -> Count:
        """Two buffers of gathered weights, and, backward, two of gradients."""
        zero = self.plan.zero
        weights = 2 * group.gathered if zero.stage > 2 else 0
        reduces = direction is Direction.BACKWARD and zero.stage > 1
        return weights + (2 * self.plan.precision.gradients.bytes(group.trained) if reduces else 0)

    def _transposes(self, group: Group) -> Count:
        """Bytes of a layer's 8-bit weights by columns."""
        precision, kernels = self.plan.precision, self.stage.training.kernels
        made = precision.parameters_in_fp8 and precision.recipe in SCALED_WHOLE and kernels.transposes
        return FP8.bytes(group.matrices) if made and self.plan.zero.stage > 2 else 0

    @cached_property
    def _frequent(self) -> Group | None:
        """The kind of layer whose buffers stand for good."""
        if not self.plan.zero.fixed_buffers:
            return None
        counts: list[tuple[int, Group]] = []
        for own, runs in zip(self.groups, self.stage.runs, strict=True):
            for group, run in zip(own, runs, strict=True):
                if run.weighed.piece in self.stage.training.parts.kinds:
                    same = [place for place, (_, known) in enumerate(counts) if self._same(group, known)]
                    layers = run.count * run.weighed.group
                    if same:
                        counts[same[0]] = counts[same[0]][0] + layers, group
                    else:
                        counts.append((layers, group))
        return max(counts, key=lambda found: found[0])[1] if counts else None

    @staticmethod
    def _same(one: Group, other: Group) -> bool:
        """Whether two layers fit each other's buffers."""
        return bool(plain(one.dense) == plain(other.dense) and plain(one.expert) == plain(other.expert))


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
