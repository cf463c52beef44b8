"""One forward pass of a rank: a prompt or part of it, or one token of every sequence."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

from weighbridge.arithmetic import Count, maximum, total
from weighbridge.estimate.training import Training
from weighbridge.hardware.cluster import Cluster
from weighbridge.models import Model
from weighbridge.parallel.plan import Plan
from weighbridge.parallel.serving import Serving, ServingSharding
from weighbridge.pieces import Piece
from weighbridge.replay import Moment, passing
from weighbridge.tape import Axis, Pass, Phase, Tape, Tensor
from weighbridge.traced import plain


@dataclass(frozen=True, eq=False)
class Forward(Training):
    """A pass of the ranks that share a model.

    Attributes:
        run: what runs.
        sharding: what a rank holds of an axis.
    """

    run: Pass = field(default_factory=Pass)
    sharding: ServingSharding = field(default_factory=ServingSharding)

    @cached_property
    def work(self) -> Pass:
        """What runs, carried out as the engine does."""
        return replace(self.run, kernels=self.kernels)

    def size(self, tensor: Tensor) -> Count:
        """A rank's bytes of a tensor."""
        return self.sharding.bytes(tensor)

    @cached_property
    def peak(self) -> Count:
        """A rank's bytes of what the pass makes, where they are most: tensors go after their last reader."""
        highest: Count = 0
        for piece in self.parts_of_tape:
            highest = maximum(highest, _peak(self, passing(piece)))
        return highest

    @cached_property
    def parts_of_tape(self) -> list[Piece]:
        """Its pieces: what stands before the layers, layers of each kind, what stands after them."""
        from weighbridge.estimate.training import divided

        return list(divided(self.tape))

    @cached_property
    def stored(self) -> list[tuple[Tensor, Count]]:
        """What the cache holds after it, and in how many layers."""
        found: list[tuple[Tensor, Count]] = []
        for index, operation in enumerate(self.tape.operations):
            if operation.stores:
                times = _times(self.tape, index)
                found += [(tensor, times) for tensor in operation.stores]
        return found


def _times(tape: Tape, index: int) -> Count:
    """How often an operation runs."""
    times: Count = 1
    for span in tape.spans:
        if span.start <= index < span.end:
            times = times * span.count
    return times


def _peak(pass_: Forward, moments: tuple[Moment, ...]) -> Count:
    """The most bytes that stand at one moment."""
    standing, highest = 0, 0
    for moment in moments:
        standing += int(plain(total(times * pass_.size(tensor) for tensor, times in moment.added)))
        highest = max(highest, standing)
        standing -= int(plain(total(times * pass_.size(tensor) for tensor, times in moment.freed)))
    return highest


def forward(model: Model, serving: Serving, run: Pass, cluster: Cluster | None = None) -> Forward:
    """A pass of one replica's ranks."""
    plan = Plan.under(
        framework=serving.engine.framework,
        gpus=serving.tensor * serving.data,
        tensor=serving.tensor,
        expert=serving.expert,
        expert_tensor=serving.sharding.expert_tensor,
        micro_batch=run.batch,
        sequence=run.sequence,
        prediction=False,
    )
    return Forward(model, plan, cluster, replace(run, dtype=serving.compute.name), serving.sharding)


def prompts(serving: Serving, sequences: Count = 1, tokens: Count | None = None, past: Count = 0) -> Pass:
    """Prompts of so many sequences, or ``tokens`` of each after ``past``."""
    length = serving.prompt if tokens is None else tokens
    return Pass(batch=sequences, sequence=length, past=past, phase=Phase.PREFILL, last_logits=True)


def token(sequences: Count, past: Count, tokens: Count = 1) -> Pass:
    """One token of so many sequences, which have ``past`` each; or several that were guessed."""
    return Pass(batch=sequences, sequence=tokens, past=past, phase=Phase.DECODE)


def paged(tensor: Tensor, block: int) -> Tensor:
    """What is cached of positions, in whole pages."""
    if block == 1:
        return tensor
    axes = tuple(
        Axis(axis.name, -(-axis.units // block) * block) if isinstance(axis, Axis) and axis.name == "keys" else axis
        for axis in tensor.axes
    )
    return replace(tensor, axes=axes)
