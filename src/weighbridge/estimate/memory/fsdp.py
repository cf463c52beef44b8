"""What PyTorch's FSDP2 holds beside the shards, with and without pipeline parallelism."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from itertools import pairwise

from weighbridge.arithmetic import Count, maximum, total
from weighbridge.estimate.memory.activations import Peak, Run
from weighbridge.estimate.memory.gathering import Beside, Gathering, Group
from weighbridge.parallel.schedule import Action
from weighbridge.replay import Direction
from weighbridge.traced import plain
from weighbridge.units import FP32, DataType


class Fsdp2(Gathering):
    """PyTorch's fully_shard (torch/distributed/fsdp/_fully_shard/_fsdp_param_group.py, _fsdp_collectives.py), applied
    as torchtitan does (models/llama3/infra/parallelize.py, apply_fsdp).

    A group's shards are cast and gathered into one buffer of the gathering stream and copied out into whole weights;
    the buffer goes when the next group is copied out, so a group in use stands twice. In the backward pass the next
    layer is gathered ahead. The whole gradients of a layer stand until all are made; they are copied to the reduction's
    input in the type of the reduction, which stands until the next layer's is made; a rank's share comes out in the
    memory of the reducing stream.

    Under pipeline parallelism weights stay whole from the first micro-batch to the last, and so do gradients, in the
    type of the reduction, which comes once (torch/distributed/pipelining/stage.py, set_requires_gradient_sync).
    """

    @cached_property
    def piped(self) -> bool:
        """Whether weights and gradients stay whole over a step's micro-batches."""
        return bool(plain(self.plan.pipeline) > 1)

    @cached_property
    def moves_gradients(self) -> bool:
        return bool(plain(self.shared) == 1 and (self.piped or plain(self.plan.micro_batches) == 1))

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
        """What the root gathers by itself and keeps: embedding, final norm and head; nothing where they are groups of
        their own.
        """
        return Group(self.plan) if self.plan.zero.splits_root else self._only("before") + self._only("after")

    @cached_property
    def standing(self) -> Count:
        if not self.piped:
            return 0
        chunks = [self._sum(own, runs) for own, runs in zip(self.groups, self.stage.runs, strict=True)]
        weights = total(group.gathered for group in chunks)
        gradients: Count = 0
        alternate = len(chunks) > 1 and plain(self.plan.micro_batches) <= plain(self.plan.pipeline)
        for group in chunks:  # one chunk's are reduced before the next makes its own, or all stand
            own = self.reduction.bytes(group.trained)
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
            starts = [(turn, turn.action is Action.FORWARD and turn.chunk == place) for turn in self.stage.turns]
            flying = max(turn.held[place] + begins for turn, begins in starts)
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
            found += group.times(run.count * run.weighed.group)
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
            whole = (self.root if not self.plan.zero.splits_root else groups[run]).trained
            return self.reduction.bytes(whole) + groups[run].whole + kept
        before = groups[run] if behind else self._behind(chunk, run)
        copied = self.reduction.bytes(before.trained)
        if plain(self.plan.zero.instances) > 1:
            copied = copied + before.shard(self.reduction)  # HSDP: what the replicas reduce among themselves
        return kept + groups[run].whole + copied

    def _behind(self, chunk: int, run: int) -> Group:
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
        """The gathering stream holds two groups at once where they follow one another; the reducing stream holds a
        rank's share of all gradients; activations can use neither (c10/cuda/CUDACachingAllocator.cpp: a pool per
        stream).
        """
        if plain(self.shared) == 0:
            return 0
        pairs: Count = 0
        for first, second in self._pairs():
            pairs = maximum(pairs, first.gathered + second.gathered)
        now = self.at(peak)
        reduced = self.stage.states.gradients - now.gradients if self.moves_gradients else 0
        return maximum(pairs - now.gather, 0) + reduced

    def _pairs(self) -> Iterator[tuple[Group, Group]]:
        """Groups that are gathered one after another in the forward pass."""
        order = [] if self.plan.zero.splits_root else [self.root]
        for chunk, runs in enumerate(self.stage.runs):
            for place, run in enumerate(runs):
                if self.plan.zero.splits_root or (chunk, place) in self.places["layer"]:
                    order += min(2, run.count) * [self.groups[chunk][place]]
        yield from pairwise(order)
