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

from weighbridge.arithmetic import Count, minimum, product, total
from weighbridge.estimate.memory.activations import Peak, Run
from weighbridge.estimate.memory.states import weights_of
from weighbridge.parallel.plan import Plan
from weighbridge.replay import Direction
from weighbridge.traced import plain
from weighbridge.tree import Node
from weighbridge.units import FP8, DataType

if TYPE_CHECKING:
    from weighbridge.estimate.memory.stage import Stage

PERSISTENT = 100_000
"""Weights of fewer elements stay gathered in DeepSpeed's stage 3 (deepspeed/runtime/zero/config.py,
param_persistence_threshold).
"""


COUNTED = ("dense", "expert", "matrices", "small", "frozen", "frozen_expert", "spared")
"""What is counted of the weights of a group."""


@dataclass(frozen=True)
class Group:
    """A rank's elements of weights that are gathered together.

    Attributes:
        plan: how they are spread.
        dense: elements outside routed experts.
        expert: elements of routed experts.
        matrices: those of both that multiply activations inside layers, which 8-bit recipes gather in 8 bits.
        small: elements of weights that DeepSpeed keeps gathered.
        frozen: those of ``dense`` that are not trained, whose gradients nobody makes.
        frozen_expert: those of ``expert`` that are not.
        spared: bytes that packed weights take less than others would.
    """

    plan: Plan
    dense: Count = 0
    expert: Count = 0
    matrices: Count = 0
    small: Count = 0
    frozen: Count = 0
    frozen_expert: Count = 0
    spared: Count = 0

    @classmethod
    def of(cls, nodes: Iterable[Node], plan: Plan) -> Group:
        """The group of some modules and all below them."""
        counts: dict[str, list[Count]] = {name: [] for name in COUNTED}
        for held in (held for node in nodes for held in weights_of(node, plan) if not held.weight.buffer):
            one = plan.sharding.count(held.weight)
            counts["expert" if held.expert else "dense"].append(held.copies * one)
            if held.matrix:
                counts["matrices"].append(held.copies * one)
            if plain(one) < PERSISTENT:
                counts["small"].append(held.copies * one)
            if held.weight.frozen:
                counts["frozen_expert" if held.expert else "frozen"].append(held.copies * one)
            if held.weight.packed is not None:
                *leading, rows, columns = (plan.sharding.local(axis) for axis in held.weight.axes)
                stored = product(leading) * held.weight.packed(rows, columns)
                counts["spared"].append(held.copies * (plan.precision.compute.bytes(one) - stored))
        return cls(plan, **{name: total(terms) for name, terms in counts.items()})

    @property
    def elements(self) -> Count:
        """All its elements."""
        return self.dense + self.expert

    @property
    def gathered(self) -> Count:
        """Bytes of its weights as matrix multiplies read them."""
        precision = self.plan.precision
        if not precision.parameters_in_fp8:
            return precision.compute.bytes(self.elements) - self.spared
        return FP8.bytes(self.matrices) + precision.compute.bytes(self.elements - self.matrices)

    @property
    def whole(self) -> Count:
        """Bytes of its gradients as the backward pass makes them."""
        return self.plan.precision.compute.bytes(self.trained)

    @property
    def trained(self) -> Count:
        """Elements of which gradients are made."""
        return self.elements - self.frozen - self.frozen_expert

    def shard(self, dtype: DataType) -> Count:
        """Bytes of a rank's share of it."""
        zero, plan = self.plan.zero, self.plan
        own = zero.share(self.dense, 1, plan.data_ranks) + zero.share(self.expert, 1, plan.expert_data_ranks)
        return dtype.bytes(own)

    def times(self, count: Count) -> Group:
        """So many of it."""
        return Group(self.plan, **{name: count * getattr(self, name) for name in COUNTED})

    def __add__(self, other: Group) -> Group:
        return Group(self.plan, **{name: getattr(self, name) + getattr(other, name) for name in COUNTED})


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
    def frees_gradients(self) -> bool:
        """Whether gradients are freed after the optimizer's step."""
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
