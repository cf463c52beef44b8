"""How long the passes of one micro-batch take through one chunk of a rank, and what they consist of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from weighbridge.arithmetic import Count, maximum
from weighbridge.estimate.memory.activations import Run
from weighbridge.estimate.time.data import DataParallel
from weighbridge.estimate.time.operations import Timer
from weighbridge.estimate.time.piece import PieceTime
from weighbridge.estimate.time.work import Channel, Doing, Seconds, exposed
from weighbridge.parallel.timeline import Durations
from weighbridge.sums import summed
from weighbridge.traced import plain
from weighbridge.tree import Kind

GRAPHED: dict[str, frozenset[Kind]] = {
    "full": frozenset(Kind),
    "full_iteration": frozenset(Kind),
    "attn": frozenset({Kind.ATTENTION, Kind.LINEAR_ATTENTION, Kind.NORM}),
    "mamba": frozenset({Kind.STATE_SPACE, Kind.NORM}),
    "mlp": frozenset({Kind.MLP}),
    "moe_router": frozenset({Kind.ROUTER}),
    "moe_preprocess": frozenset({Kind.ROUTER}),
    "moe": frozenset({Kind.ROUTER, Kind.EXPERTS}),
}
"""Kinds of modules whose kernels are launched as one graph, by Megatron-Core's names
(transformer/transformer_config.py, cuda_graph_scope)."""


@dataclass(frozen=True)
class Pass:
    """One pass through a chunk.

    Attributes:
        runs: what each run of pieces does, and how often.
        waits: seconds of weights or gradients that travel longer than what runs beside them.
        launches: kernels that the host launches one by one.
        hidden: seconds of messages that run beside kernels of another micro-batch.
        taken: share of the multiprocessors that they take from these.
        launch: seconds of the host for each of its launches.
        pace: rate of multiplies over that of short runs.
    """

    runs: tuple[tuple[Doing, Count], ...]
    waits: Seconds
    launches: Count
    hidden: Seconds = 0.0
    taken: float = 0.0
    launch: float = 0.0
    pace: float = 1.0

    @cached_property
    def computing(self) -> Seconds:
        """Seconds of kernels."""
        brisk = summed((count * doing.computing for doing, count in self.runs), 0.0)
        return brisk + (1 / self.pace - 1) * summed((count * doing.multiplying for doing, count in self.runs), 0.0)

    @cached_property
    def exposed(self) -> Seconds:
        """Seconds of messages within the replica that nothing hides."""
        return summed((count * doing.exposed for doing, count in self.runs), 0.0)

    @cached_property
    def device(self) -> Seconds:
        """Seconds that the device needs."""
        return self.computing + self.exposed + self.waits + exposed(self.hidden, self.computing, self.taken)

    @cached_property
    def seconds(self) -> Seconds:
        """Seconds until it is done: the device's, or the host's that launches it."""
        return maximum(self.device, self.launches * self.launch)

    @property
    def late(self) -> Seconds:
        """Seconds that the device waits for the host."""
        return self.seconds - self.device


@dataclass(frozen=True)
class ChunkPasses:
    """What one micro-batch does in a chunk.

    Attributes:
        forward: the forward pass.
        inputs: what runs again, and the half of the backward pass that gives gradients of inputs.
        weights: the half that gives gradients of weights.
    """

    forward: Pass
    inputs: Pass
    weights: Pass

    def __iter__(self) -> Iterator[Pass]:
        return iter((self.forward, self.inputs, self.weights))

    def at(self, pace: float) -> ChunkPasses:
        """The same where a power limit lets multiplies run at a share of their rate."""
        return ChunkPasses(*(replace(own, pace=pace) for own in self))

    @cached_property
    def durations(self) -> Durations:
        """Of its passes, for the schedule."""
        return Durations(*(float(plain(own.seconds)) for own in self))


@dataclass(frozen=True, eq=False)
class ChunkTime:
    """One chunk of a rank, at the rates of short runs.

    Attributes:
        timer: times operations.
        data: messages between data parallel ranks.
        number: the chunk.
        pieces: how long the pieces of its runs take, in order.
        runs: its runs.
    """

    timer: Timer
    data: DataParallel
    number: int
    pieces: tuple[PieceTime, ...]
    runs: tuple[Run, ...]

    def _pass(self, doings: list[Doing], travelling: list[Seconds], more: list[Seconds] | None = None) -> Pass:
        counts = [run.count for run in self.runs]
        also = more or [0.0] * len(doings)
        beside = (doing.computing + doing.exposed + own for doing, own in zip(doings, also, strict=True))
        taken = self.timer.clock.taken
        waits = summed(
            (n * exposed(sent, busy, taken) for n, sent, busy in zip(counts, travelling, beside, strict=True)), 0.0
        )
        launches = sum(n * self._launches(doing) for n, doing in zip(counts, doings, strict=True))
        hidden: Seconds = 0.0
        if self.timer.training.kernels.routing.overlapped:
            hidden = summed((n * doing.sending(Channel.EXPERT) for n, doing in zip(counts, doings, strict=True)), 0.0)
            doings = [doing.without(Channel.EXPERT) for doing in doings]
        runs = tuple(zip(doings, counts, strict=True))
        return Pass(runs, waits, launches, hidden, taken, self.timer.clock.launch)

    def _launches(self, doing: Doing) -> int:
        graphs = self.timer.training.plan.execution.graphs
        inside = frozenset[Kind]().union(*(GRAPHED.get(name, frozenset()) for name in graphs))
        kernels = sum(kernel.launches for kernel in doing.kernels if kernel.kind not in inside)
        return kernels + sum(message.kind not in inside for message in doing.messages)

    def _travelling(self, *kinds: str) -> list[Seconds]:
        """Seconds of weights and gradients of each run that travel beside it, where weights are spread."""
        if not self.data.spreads_weights:
            return [0.0] * len(self.runs)
        found = []
        for place in range(len(self.runs)):
            gathered = self.data.gathered(self.number, place) if "gather" in kinds else 0.0
            found.append(gathered + (self.data.reduced(self.number, place) if "reduce" in kinds else 0.0))
        return found

    @cached_property
    def passes(self) -> ChunkPasses:
        """Of one micro-batch."""
        copies = [self.data.copied_out(self.number, place) for place in range(len(self.runs))]
        runs = 2 if self.timer.training.reference else 1  # the reference model's forward pass takes as long
        doings = [sum([piece.forward] * runs, start=copied) for copied, piece in zip(copies, self.pieces, strict=True)]
        forward = self._pass(doings, self._travelling("gather"))
        weights = self._pass([piece.weights for piece in self.pieces], [0.0] * len(self.runs))
        return ChunkPasses(forward, self._inputs(), weights)

    def _inputs(self) -> Pass:
        again = self.timer.training.plan.zero.reshard
        kinds = ("gather", "reduce") if again else ("reduce",)
        # beside the half that gives weights' gradients too
        doings = [piece.again + piece.inputs + self._copied(n, again) for n, piece in enumerate(self.pieces)]
        more = [piece.weights.computing + piece.weights.exposed for piece in self.pieces]
        return self._pass(doings, self._travelling(*kinds), more)

    def _copied(self, place: int, again: bool) -> Doing:
        """Copies of weights that are gathered again and of gradients, where weights are spread."""
        there = self.data.copied_in(self.number, place)
        return self.data.copied_out(self.number, place) + there if again else there
