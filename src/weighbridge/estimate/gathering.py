"""What data-parallel sharding holds beside the shards: gathered weights, whole gradients, buffers of reductions.

A group is what an engine gathers and reduces at once: a layer, or what stands before or after the layers. What is
gathered depends on where in the step a stage stands, so it is asked for by the piece that works, and by how many equal
pieces of its run went backward before it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from weighbridge.arithmetic import Count, maximum, minimum, total
from weighbridge.estimate.activations import Run
from weighbridge.estimate.states import weights_of
from weighbridge.parallel.plan import Plan
from weighbridge.parallel.precision import FP32
from weighbridge.parallel.zero import Engine
from weighbridge.replay import Direction
from weighbridge.traced import plain
from weighbridge.tree import Node
from weighbridge.units import DATA_TYPES, DataType

if TYPE_CHECKING:
    from weighbridge.estimate.activations import Peak
    from weighbridge.estimate.stage import Stage

FP8 = DATA_TYPES["fp8"]

PREFETCHED = 50_000_000
"""Elements that DeepSpeed's stage 3 gathers ahead (deepspeed/runtime/zero/config.py, prefetch_bucket_size)."""

PERSISTENT = 100_000
"""Weights of fewer elements stay gathered in DeepSpeed's stage 3 (the same file, param_persistence_threshold)."""


@dataclass(frozen=True)
class Group:
    """A rank's elements of weights that are gathered together.

    Attributes:
        plan: how they are spread.
        dense: elements outside routed experts.
        expert: elements of routed experts.
        matrices: those of both that multiply activations inside layers, which 8-bit recipes gather in 8 bits.
        small: elements of weights that DeepSpeed keeps gathered.
    """

    plan: Plan
    dense: Count = 0
    expert: Count = 0
    matrices: Count = 0
    small: Count = 0

    @classmethod
    def of(cls, nodes: Iterable[Node], plan: Plan) -> Group:
        """The group of some modules and all below them."""
        counts: dict[str, list[Count]] = {"dense": [], "expert": [], "matrices": [], "small": []}
        for held in (held for node in nodes for held in weights_of(node, plan) if not held.weight.buffer):
            one = plan.sharding.count(held.weight)
            counts["expert" if held.expert else "dense"].append(held.copies * one)
            if held.matrix:
                counts["matrices"].append(held.copies * one)
            if plain(one) < PERSISTENT:
                counts["small"].append(held.copies * one)
        return cls(plan, *(total(terms) for terms in counts.values()))

    @property
    def elements(self) -> Count:
        """All its elements."""
        return self.dense + self.expert

    @property
    def gathered(self) -> Count:
        """Bytes of its weights as matrix multiplies read them."""
        precision = self.plan.precision
        if not precision.parameters_in_fp8:
            return precision.compute.bytes(self.elements)
        return FP8.bytes(self.matrices) + precision.compute.bytes(self.elements - self.matrices)

    @property
    def whole(self) -> Count:
        """Bytes of its gradients as the backward pass makes them."""
        return self.plan.precision.compute.bytes(self.elements)

    def shard(self, dtype: DataType) -> Count:
        """Bytes of a rank's share of it."""
        zero, plan = self.plan.zero, self.plan
        own = zero.share(self.dense, 1, plan.data_ranks) + zero.share(self.expert, 1, plan.expert_data_ranks)
        return dtype.bytes(own)

    def __add__(self, other: Group) -> Group:
        return Group(
            self.plan,
            self.dense + other.dense,
            self.expert + other.expert,
            self.matrices + other.matrices,
            self.small + other.small,
        )


@dataclass(frozen=True)
class Beside:
    """Bytes that stand at one moment beside states and activations.

    Attributes:
        own: gathered weights, whole gradients and what is being reduced, in the memory that activations use.
        gather: buffers of the stream that gathers.
        gradients: a rank's share of gradients that are reduced so far, where they do not stand all the time.
    """

    own: Count = 0
    gather: Count = 0
    gradients: Count = 0

    @property
    def communication(self) -> Count:
        """Bytes of the ledger's line of that name."""
        return self.own + self.gather

    @property
    def bytes(self) -> Count:
        """All of it."""
        return self.own + self.gather + self.gradients


@dataclass(frozen=True, eq=False)
class Gathering:
    """What no sharding, or Megatron-Core's, holds beside the shards: nothing. Megatron-Core gathers weights in the
    weights' own buffer and reduces gradients in theirs (megatron/core/distributed/param_and_grad_buffer.py).

    Attributes:
        stage: the rank's pipeline stage.
    """

    stage: Stage

    @property
    def plan(self) -> Plan:
        """How the step is laid out."""
        return self.stage.training.plan

    @cached_property
    def groups(self) -> tuple[tuple[Group, ...], ...]:
        """The group of every run of every chunk."""
        return tuple(tuple(self._group(run) for run in runs) for runs in self.stage.runs)

    def _group(self, run: Run) -> Group:
        parts, piece = self.stage.training.parts, run.weighed.piece
        if piece in parts.kinds:
            return Group.of(parts.nodes[parts.kinds.index(piece)], self.plan)
        name = "prediction" if piece is parts.prediction else "before" if piece in parts.before else "after"
        return Group.of(parts.nodes[name], self.plan)

    @cached_property
    def shared(self) -> Count:
        """1 where several ranks share the states, 0 where one has all: nothing is gathered then."""
        return minimum(self.plan.data_ranks - 1, 1)

    @property
    def moves_gradients(self) -> bool:
        """Whether gradients stand only from the backward pass that makes them to the optimizer's step."""
        return False

    @property
    def standing(self) -> Count:
        """Bytes that stand all the time."""
        return 0

    def beside(self, chunk: int, run: int, direction: Direction, behind: int) -> Beside:
        """What stands while a piece works.

        Args:
            chunk: its chunk.
            run: the place of its run in the chunk.
            direction: its pass.
            behind: equal pieces of the run that went backward before it.
        """
        return Beside()

    def at(self, peak: Peak) -> Beside:
        """What stands at the highest moment."""
        return self.beside(peak.turn.chunk, peak.run, peak.direction, peak.behind)

    def pools(self, peak: Peak) -> Count:
        """Bytes that streams of their own have reserved beyond what they hold at the highest moment."""
        return 0


class DataParallel(Gathering):
    """PyTorch's DistributedDataParallel reduces gradients in buckets, which are a copy of them unless gradients are
    views of buckets (torch/nn/parallel/distributed.py, gradient_as_bucket_view, off by default).
    """

    @property
    def standing(self) -> Count:
        return self.shared * self.stage.states.gradients


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
    def standing(self) -> Count:  # type: ignore[override]
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


class Fsdp2(Gathering):
    """PyTorch's fully_shard (torch/distributed/fsdp/_fully_shard/_fsdp_param_group.py, _fsdp_collectives.py), applied
    as torchtitan does (models/llama3/infra/parallelize.py, apply_fsdp).

    A group's shards are cast and gathered into one buffer of the gathering stream and copied out into whole weights; the
    buffer goes when the next group is copied out, so a group in use stands twice. In the backward pass the next layer
    is gathered ahead. The whole gradients of a layer stand until all are made; they are copied to the reduction's input in
    the type of the reduction, which stands until the next layer's is made; a rank's share comes out in the memory of
    the reducing stream.

    Under pipeline parallelism weights stay whole from the first micro-batch to the last, and so do gradients, in the
    type of the reduction, which comes once (torch/distributed/pipelining/stage.py, set_requires_gradient_sync).
    """

    @cached_property
    def piped(self) -> bool:
        """Whether weights and gradients stay whole over a step's micro-batches."""
        return plain(self.plan.pipeline) > 1

    @cached_property
    def moves_gradients(self) -> bool:  # type: ignore[override]
        return plain(self.shared) == 1 and (self.piped or plain(self.plan.micro_batches) == 1)

    @property
    def reduction(self) -> DataType:
        """What gradients are reduced in."""
        return FP32 if self.plan.zero.average_in_fp32 else self.plan.precision.compute

    @cached_property
    def places(self) -> dict[str, list[tuple[int, int]]]:
        """Chunk and run of what stands before, in and after the layers."""
        parts = self.stage.training.parts
        found: dict[str, list[tuple[int, int]]] = {"before": [], "layer": [], "after": []}
        for chunk, runs in enumerate(self.stage.runs):
            for place, run in enumerate(runs):
                piece = run.weighed.piece
                found["before" if piece in parts.before else "after" if piece in parts.after else "layer"].append(
                    (chunk, place)
                )
        return found

    def _only(self, name: str) -> Group:
        places = self.places[name][:1]
        return self.groups[places[0][0]][places[0][1]] if places else Group(self.plan)

    @cached_property
    def root(self) -> Group:
        """What the root gathers by itself and keeps: embedding, final norm and head, unless they are groups of their own;
        then nothing.
        """
        return Group(self.plan) if self.plan.zero.splits_root else self._only("before") + self._only("after")

    @cached_property
    def standing(self) -> Count:  # type: ignore[override]
        if not self.piped:
            return 0
        chunks = [self._sum(own, runs) for own, runs in zip(self.groups, self.stage.runs, strict=True)]
        weights = total(group.gathered for group in chunks)
        gradients: Count = 0
        alternate = len(chunks) > 1 and plain(self.plan.micro_batches) <= plain(self.plan.pipeline)
        for group in chunks:  # one chunk's are reduced before the next makes its own, or all stand
            own = self.reduction.bytes(group.elements)
            gradients = maximum(gradients, own) if alternate else gradients + own
        return self.shared * (weights + gradients + self._received)

    @property
    def _received(self) -> Count:
        """Bytes of what a pipeline of PyTorch's holds (torch/distributed/pipelining/stage.py): a buffer per micro-batch
        for inputs, of which those in flight are on the ledger as what layers keep; one for gradients; the results of
        micro-batches in flight (fwd_cache); on the last stage, all logits (output_chunks).
        """
        training, count = self.stage.training, self.plan.micro_batches
        held: list[Count] = []
        for place, (runs, chunk) in enumerate(zip(self.stage.runs, self.stage.chunks, strict=True)):
            stream = next((r.weighed.piece.carried for r in runs if r.weighed.piece.carried is not None), None)
            flying = max(turn.held[place] + (turn.chunk == place) for turn in self.stage.turns)
            flying = min(flying, int(plain(count)))
            if stream is not None and not chunk.embedding:
                held.append((count - flying) * training.size(stream))
            if stream is not None and not chunk.loss:
                held.append((count + flying) * training.size(stream))
            if chunk.loss and training.logits is not None:
                held.append(count * training.size(training.logits))
        return total(held)

    def _sum(self, groups: tuple[Group, ...], runs: tuple[Run, ...]) -> Group:
        found = Group(self.plan)
        for group, run in zip(groups, runs, strict=True):
            for_all = run.count * run.weighed.group
            found += Group(self.plan, for_all * group.dense, for_all * group.expert, for_all * group.matrices)
        return found

    def beside(self, chunk: int, run: int, direction: Direction, behind: int) -> Beside:
        group = self.groups[chunk][run]
        if plain(self.shared) == 0:
            return Beside()
        outside = (chunk, run) not in self.places["layer"]
        if self.piped:
            made = direction is Direction.BACKWARD and not outside
            return Beside(group.whole if made else 0)
        gather = self._buffers(group, outside)
        if direction is Direction.FORWARD:
            return Beside(self._whole(chunk, run, outside), gather)
        own = self._whole(chunk, run, outside) + self._gradients(chunk, run, outside, behind)
        return Beside(own, gather, self._reduced(chunk, run, behind) if self.moves_gradients else 0)

    def _buffers(self, group: Group, outside: bool) -> Count:
        """The buffer that the group came in, or that the next comes in."""
        if outside and not self.plan.zero.splits_root:
            layers = self.places["layer"]
            return self.groups[layers[-1][0]][layers[-1][1]].gathered if layers else group.gathered
        return self.plan.zero.prefetch * group.gathered if not outside else group.gathered

    def _whole(self, chunk: int, run: int, outside: bool) -> Count:
        """Whole weights: the running group's; the root's; all layers' before it, where they are not freed. Where the
        root is one group, the last layer is not freed either, since its backward pass comes next.
        """
        zero, groups = self.plan.zero, self.groups[chunk]
        own = self.root.gathered
        if not outside or zero.splits_root:
            own = own + groups[run].gathered
        if not zero.reshard:
            runs = self.stage.runs[chunk]
            layers = [place for c, place in self.places["layer"] if c == chunk and place <= run]
            counts = [runs[place].count - (place == run) for place in layers]
            return own + total(n * groups[place].gathered for n, place in zip(counts, layers, strict=True))
        if (chunk, run) in self.places["after"] and not zero.splits_root and self.places["layer"]:
            own = own + self.groups[self.places["layer"][-1][0]][self.places["layer"][-1][1]].gathered
        return own

    def _gradients(self, chunk: int, run: int, outside: bool, behind: int) -> Count:
        """Whole gradients of the running layer, and the input of the reduction of the one before it."""
        groups = self.groups[chunk]
        if (chunk, run) in self.places["after"]:
            return 0  # the replay has the gradient of every weight outside layers
        kept = self._only("after").whole if not self.plan.zero.splits_root else 0
        if outside:
            whole = (self.root if not self.plan.zero.splits_root else groups[run]).elements
            return self.reduction.bytes(whole) + kept
        before = groups[run] if behind else self._next(chunk, run)
        copied = self.reduction.bytes(before.elements)
        if plain(self.plan.zero.instances) > 1:
            copied = copied + before.shard(self.reduction)  # HSDP: what the replicas reduce among themselves
        return kept + groups[run].whole + copied

    def _next(self, chunk: int, run: int) -> Group:
        """The group that went backward just before a run."""
        groups = self.groups[chunk]
        joined = (chunk, run + 1) in self.places["after"] and not self.plan.zero.splits_root
        return groups[run + 1] if run + 1 < len(groups) and not joined else Group(self.plan)

    def _reduced(self, chunk: int, run: int, behind: int) -> Count:
        """A rank's share of the gradients of all groups that went backward before."""
        dtype, groups, runs = self.plan.precision.gradients, self.groups[chunk], self.stage.runs[chunk]
        after = [(groups[place], runs[place].count) for place in range(run + 1, len(runs))]
        if not self.plan.zero.splits_root:
            after = [(g, n) for g, n in after if not any(g is groups[p] for c, p in self.places["after"] if c == chunk)]
        return total(n * group.shard(dtype) for group, n in [*after, (groups[run], behind)])

    def pools(self, peak: Peak) -> Count:
        """The gathering stream holds two groups at once where they follow one another; the reducing stream holds a rank's
        share of all gradients; activations can use neither (c10/cuda/CUDACachingAllocator.cpp: a pool per stream).
        """
        if plain(self.shared) == 0:
            return 0
        order = [group for own in self.groups for group in own]
        if not self.plan.zero.splits_root:
            layers = [self.groups[chunk][place] for chunk, place in self.places["layer"]]
            order = [self.root, *(layer for layer in layers for _ in range(2))]
        else:
            order = [g for own, runs in zip(self.groups, self.stage.runs, strict=True) for g, r in zip(own, runs, strict=True) for _ in range(min(2, r.count))]
        pairs: Count = 0
        for first, second in zip(order, order[1:], strict=False):
            pairs = maximum(pairs, first.gathered + second.gathered)
        now = self.at(peak)
        reduced = self.stage.states.gradients - now.gradients if self.moves_gradients else 0
        return maximum(pairs - now.gather, 0) + reduced


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
