"""One forward pass of a rank: a prompt or part of it, or one token of every sequence."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache

from weighbridge.arithmetic import Count, ceil_div
from weighbridge.estimate.training import Training, divided
from weighbridge.hardware.cluster import Cluster
from weighbridge.models import Model
from weighbridge.parallel.plan import Plan
from weighbridge.parallel.serving import Serving, ServingSharding
from weighbridge.replay import Moment, passing
from weighbridge.tape import Axis, Pass, Phase, Tape, Tensor, Use
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

    @property
    def highest(self) -> dict[Tensor, int]:
        """A rank's bytes of what the pass makes, where they are most, by tensor: they go after their last reader."""
        return _standing(self.tape, self.sharding)

    @cached_property
    def standing(self) -> dict[Use, int]:
        """The same by use."""
        found: dict[Use, int] = {}
        for tensor, size in self.highest.items():
            found[tensor.use] = found.get(tensor.use, 0) + size
        return found

    @property
    def peak(self) -> Count:
        """A rank's bytes of what the pass makes, where they are most."""
        return sum(self.standing.values())

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


@lru_cache(maxsize=64)
def _standing(tape: Tape, sharding: ServingSharding) -> dict[Tensor, int]:
    """The highest of its pieces: what stands before the layers, layers of each kind, what stands after them."""
    moments = (_highest(passing(piece), sharding) for piece in divided(tape))
    return max(moments, key=lambda found: sum(found.values()), default={})


def _highest(moments: tuple[Moment, ...], sharding: ServingSharding) -> dict[Tensor, int]:
    """The bytes that stand at the highest moment, tensor by tensor."""
    one: dict[Tensor, Count] = {}
    now: dict[Tensor, int] = {}
    highest: dict[Tensor, int] = {}
    held = most = 0
    for moment in moments:
        for tensor, times in moment.added:
            if tensor not in one:
                one[tensor] = sharding.bytes(tensor)
            size = int(plain(times * one[tensor]))
            now[tensor] = now.get(tensor, 0) + size
            held += size
        if held > most:
            highest, most = dict(now), held
        for tensor, times in moment.freed:
            size = int(plain(times * one[tensor]))
            now[tensor] -= size
            held -= size
    return {tensor: size for tensor, size in highest.items() if size}


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
    run = replace(run, dtype=serving.compute.name)
    return Forward(model, plan, cluster, run=run, sharding=serving.sharding)


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
        Axis(axis.name, ceil_div(axis.units, block) * block) if isinstance(axis, Axis) and axis.name == "keys" else axis
        for axis in tensor.axes
    )
    return replace(tensor, axes=axes)
