"""One pipeline stage: its layers, what any rank of it holds between steps, and its highest moment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from weighbridge.arithmetic import Count, ceil_div, maximum, total
from weighbridge.estimate.memory import graphs
from weighbridge.estimate.memory.activations import Heights, Peak, Run
from weighbridge.estimate.memory.allocator import hole, renewed, reserved, stuck
from weighbridge.estimate.memory.buffers import Buffers
from weighbridge.estimate.memory.engines import gathering
from weighbridge.estimate.memory.gathering import Gathering
from weighbridge.estimate.memory.ledger import Ledger, Line, always, below, resting, stepped, stepping
from weighbridge.estimate.memory.states import Held, States, weights_of
from weighbridge.parallel import layout as layouts
from weighbridge.parallel.layout import Chunk
from weighbridge.parallel.recompute import Method
from weighbridge.parallel.schedule import Turn, moments
from weighbridge.tape import Weight
from weighbridge.traced import plain
from weighbridge.tree import Node

if TYPE_CHECKING:
    from weighbridge.estimate.training import Training


@dataclass(frozen=True, eq=False)
class Stage:
    """One pipeline stage: what any rank of it holds.

    Attributes:
        training: the step.
        number: the stage, from 0.
        virtual: the virtual stages that its chunks are, in the model's order.
    """

    training: Training
    number: int
    virtual: tuple[int, ...]

    @cached_property
    def chunks(self) -> tuple[Chunk, ...]:
        """Its chunks."""
        return tuple(self.training.layout[place] for place in self.virtual)

    def positions(self, place: int) -> range:
        """The model's layers that a virtual stage has, from 0."""
        layout = self.training.layout
        start = sum(chunk.layers for chunk in layout[:place])
        return range(start, start + layout[place].layers)

    def layers(self, place: int) -> dict[int, int]:
        """How many layers of each kind a virtual stage has."""
        own = self.positions(place)
        return layouts.stretches(self.training.parts.runs, own.start, own.stop)

    @cached_property
    def twin(self) -> Stage:
        """The first stage of equal composition, itself if there is none before it: what both hold is counted once."""
        own = tuple(
            (chunk, *self.layers(place).items()) for place, chunk in zip(self.virtual, self.chunks, strict=True)
        )
        return self.training.twins.setdefault(own, self)

    @cached_property
    def runs(self) -> tuple[tuple[Run, ...], ...]:
        """The pieces of every chunk, in order."""
        if self.twin is not self:
            return self.twin.runs
        return tuple(tuple(self._runs(place)) for place in self.virtual)

    def _runs(self, place: int) -> Iterator[Run]:
        training, chunk = self.training, self.training.layout[place]
        parts = training.parts
        if chunk.embedding:
            yield from (Run(training.weigh(piece), 1) for piece in parts.before)
        recompute = training.plan.recompute
        spare = recompute.layers if recompute.method is Method.BLOCK else 0
        away = training.plan.offload.layers
        for kind, count in self.layers(place).items():
            again = recompute.among(count, spare)
            spare -= min(spare, count)
            if again:
                group = min(recompute.group, again)
                yield Run(training.weigh(parts.kinds[kind], group), ceil_div(again, group))
            out = min(away, count - again)
            away -= out
            if out:
                yield Run(training.weigh(parts.kinds[kind], away=True), out)
            if count > again + out:
                yield Run(training.weigh(parts.kinds[kind]), count - again - out)
        if chunk.prediction and parts.prediction:
            yield Run(training.weigh(parts.prediction), chunk.prediction)
        if chunk.loss:
            yield from (Run(training.weigh(piece), 1) for piece in parts.after)

    @cached_property
    def states(self) -> States:
        """Its weights and what is held for them."""
        if self.twin is not self:
            return self.twin.states
        return States(self.training.plan, tuple(self._held()), self.training.kernels.transposes)

    def _held(self) -> Iterator[Held]:
        plan, nodes = self.training.plan, self.training.parts.nodes
        owned: set[int] = set()
        for number, (place, chunk) in enumerate(zip(self.virtual, self.chunks, strict=True)):
            parts: list[tuple[Node, int]] = []
            parts += [(node, 1) for node in nodes["before"] if chunk.embedding]
            parts += [(node, n) for kind, n in self.layers(place).items() for node in nodes[kind]]
            parts += [(node, chunk.prediction) for node in nodes["prediction"] if chunk.prediction]
            parts += [(node, 1) for node in nodes["after"] if chunk.loss]
            for node, copies in parts:
                for held in weights_of(node, plan, copies, chunk=number):
                    owned.add(id(held.weight))
                    yield held
        yield from self._borrowed(owned)

    def _borrowed(self, owned: set[int]) -> Iterator[Held]:
        """Weights that its operations read but that another stage owns: it has copies of its own (tied tables)."""
        for number, chunk in enumerate(self.runs):
            for run in chunk:
                for operation in run.weighed.piece.operations:
                    for weight in operation.reads:
                        if isinstance(weight, Weight) and id(weight) not in owned:
                            owned.add(id(weight))
                            yield Held(self._owner(weight), weight, 1, False, number, borrowed=True)

    def _owner(self, weight: Weight) -> Node:
        return next(n for n in self.training.tree.walk() if any(w is weight for w in n.weights.values()))

    @cached_property
    def turns(self) -> tuple[Turn, ...]:
        """The turns of the schedule at which it may hold most."""
        plan = self.training.plan
        sizes = (plan.micro_batches, plan.virtual)
        count, chunks = (int(plain(size)) for size in sizes)
        return moments(plan.order, int(plain(plan.pipeline)), self.number, count, chunks, plan.group)

    @cached_property
    def peak(self) -> Peak:
        """The highest moment of its activations."""
        return self.heights.highest(self.turns)

    @cached_property
    def heights(self) -> Heights:
        """How high its memory reaches, whatever the schedule."""
        if self.twin is not self:
            return self.twin.heights
        return Heights(self.runs, lambda *place: self.gathering.beside(*place).bytes)

    @cached_property
    def always(self) -> dict[Line, Count]:
        """What stands beside activations all the time."""
        return always(self) if self.twin is self else self.twin.always

    @cached_property
    def buffers(self) -> Buffers:
        """What libraries and the framework hold besides."""
        return Buffers(self) if self.twin is self else self.twin.buffers

    @cached_property
    def gathering(self) -> Gathering:
        """What sharding over data-parallel ranks holds beside the shards."""
        return gathering(self)

    @cached_property
    def static_allocated(self) -> Count:
        """Bytes that stand between steps."""
        return total(resting(self).values()) if self.twin is self else self.twin.static_allocated

    @cached_property
    def highest_moment(self) -> Count:
        """Bytes at the highest moment of activations."""
        return self.peak.bytes + total(below(self, self.peak).values())

    @property
    def peak_allocated(self) -> Count:
        """Bytes at the highest moment of activations, or in the optimizer's step where more stands then."""
        return maximum(self.highest_moment, self.step_allocated)

    @cached_property
    def step_allocated(self) -> Count:
        """Bytes that stand during the optimizer's step."""
        return total(stepping(self).values()) if self.twin is self else self.twin.step_allocated

    @property
    def rests_highest(self) -> bool:
        """Whether more stands in the optimizer's step than at any moment of activations; for plain numbers."""
        return bool(plain(self.step_allocated) > plain(self.highest_moment))

    @cached_property
    def peak_reserved(self) -> Count:
        """Bytes that the allocator reserves for it: an estimate."""
        apart = self.gathering.pools(self.peak) + hole(self.peak)
        if self.training.plan.execution.graphs:
            apart = apart + self.buffers.graphs + graphs.pool(self)
        if self.training.plan.expandable_segments:
            return reserved(self.peak_allocated, apart)
        return maximum(reserved(self.peak_allocated, apart + stuck(self.peak)), self._in_later_steps)

    @property
    def _in_later_steps(self) -> Count:
        """Bytes reserved where the first step makes the optimizer's states and frees gradients; 0 elsewhere."""
        if not self.gathering.frees_gradients or not plain(self.states.optimizer):
            return 0
        largest = self.states.largest_gradient
        return total(stepped(self).values()) + sum(renewed(runs, largest) for runs in self.runs)

    @property
    def outside(self) -> Count:
        """Bytes outside the allocator: CUDA context, loaded kernels, communicators; 0 where no device is given."""
        return self.buffers.outside

    @property
    def device_total(self) -> Count:
        """Bytes that the device shows in use."""
        return self.peak_reserved + self.outside

    @property
    def cached(self) -> Count:
        """Bytes that the allocator keeps beside what is allocated."""
        return self.peak_reserved - self.peak_allocated

    @property
    def capacity(self) -> int | None:
        """Bytes that the device has for a process; ``None`` without a device."""
        cluster = self.training.cluster
        return None if cluster is None else cluster.device.usable_bytes

    @property
    def free(self) -> Count | None:
        """Bytes that are left of what the device has, negative where it does not fit; ``None`` without a device."""
        return None if self.capacity is None else self.capacity - self.device_total

    @cached_property
    def ledger(self) -> Ledger:
        """Every byte of the highest moment."""
        return Ledger(self, self.peak, self.training.size, self.rests_highest)

    @cached_property
    def traced(self) -> Stage:
        """The same stage with every size a traced number."""
        return self.training.traced.stages[self.number]

    @cached_property
    def explained_lines(self) -> dict[Line, Any]:
        """The lines of the ledger as traced numbers with their derivations."""
        stage = self.traced
        peak = replace(self.peak, runs=stage.runs)
        return dict(Ledger(stage, peak, stage.training.size, self.rests_highest).lines)

    def explained(self, line: Line) -> Any:
        """A line of the ledger as a traced number with its derivation."""
        return self.explained_lines[line]
