"""Where in a step a stage's memory is highest: the operation, its module, its layer, its pass."""

from __future__ import annotations

from dataclasses import dataclass, replace

from weighbridge.estimate.memory.inside import layers_of
from weighbridge.estimate.memory.ledger import Entry, Line
from weighbridge.estimate.memory.stage import Stage
from weighbridge.gradients import storages
from weighbridge.replay import Direction
from weighbridge.traced import plain
from weighbridge.tree import paths

BETWEEN = "between steps"
"""The pass of a stage whose memory is highest after the optimizer's step, when nothing runs."""

LAYER_INPUT = "every layer"
"""What makes the tensor that goes from layer to layer: the layer before, or what stands before the first."""


@dataclass(frozen=True)
class PeakAt:
    """The highest moment of a stage, in words.

    Attributes:
        operation: what runs.
        module: the module that runs it, by the names on the way to it.
        layer: the model's layer, counted from 0; ``None`` outside the layers.
        direction: forward, recomputation or backward; "between steps" where the optimizer's step is highest.
        micro_batches: those in flight, the one that runs among them.
    """

    operation: str
    module: str
    layer: int | None
    direction: str
    micro_batches: int

    @property
    def place(self) -> str:
        """``in layer 31``, ``at the loss``, or in what else there is outside the layers."""
        if self.direction == BETWEEN:
            return "in the optimizer's step"
        if self.layer is not None:
            return f"in layer {self.layer:,}"
        part = self.module.partition(".")[0]
        if not part[:1].islower():  # the model itself, by its class
            return "at the loss"
        return f"in the {'output head' if part == 'head' else part.replace('_', ' ')}"


def peak_at(stage: Stage) -> PeakAt:
    """Where a stage's memory is highest."""
    if stage.rests_highest:
        return PeakAt("optimizer step", "", None, BETWEEN, 0)
    peak = stage.peak
    moment = peak.working.replay.passes[peak.direction][peak.moment]
    names = _names(stage)
    module = names.get(moment.operation.path, peak.working.name)
    layers = layers_of(stage).get((peak.turn.chunk, peak.run))
    running = peak.direction is Direction.FORWARD
    held = sum(peak.turn.held) + running
    run = peak.runs[peak.turn.chunk][peak.run]
    layer = layers[: (run.count - peak.behind) * run.weighed.group][-1] if layers else None
    return PeakAt(moment.operation.name, module, layer, moment.direction.value, int(plain(held)))


@dataclass(frozen=True)
class Stands:
    """Equal tensors that stand at the highest moment.

    Attributes:
        line: the line of the ledger that they are in.
        name: what they hold.
        made_by: the module that makes them; empty for gradients and what comes from outside.
        axes: names of their dimensions.
        shape: a rank's sizes of them.
        dtype: their data type.
        bytes: of one.
        count: how many.
        where: the part of the model that they belong to.
        kept: they stand for the backward pass, not only for the moment.
    """

    line: Line
    name: str
    made_by: str
    axes: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: str
    bytes: int
    count: int
    where: str
    kept: bool

    @property
    def total(self) -> int:
        """Bytes of all of them."""
        return self.count * self.bytes


def tensors(stage: Stage, line: Line) -> list[Stands]:
    """The tensors of a line that stand at the highest moment, largest first; equal ones are one entry."""
    names = _names(stage)
    makers = {
        key: names.get(operation.path, "")
        for operation in stage.training.tape.operations
        for key in storages(operation.makes)
    }
    carried = [run.weighed.piece.carried for chunk in stage.runs for run in chunk if run.weighed.piece.module]
    makers |= dict.fromkeys(storages(carried), LAYER_INPUT)
    found: dict[Stands, int] = {}
    for entry in stage.ledger.entries:
        if entry.line is line:
            one = _stands(stage, entry, makers.get(id(entry.tensor), ""))
            found[one] = found.get(one, 0) + int(plain(entry.count))
    counted = [replace(one, count=count) for one, count in found.items() if count]
    return sorted(counted, key=lambda one: -one.total)


def _stands(stage: Stage, entry: Entry, made_by: str) -> Stands:
    tensor, sharding = entry.tensor, stage.training.plan.sharding
    return Stands(
        entry.line,
        "input" if made_by == LAYER_INPUT else tensor.name,
        made_by,
        tuple(axis.name for axis in tensor.axes),
        tuple(int(plain(sharding.local(axis))) for axis in tensor.axes),
        tensor.dtype.name,
        int(plain(stage.training.size(tensor))),
        1,
        entry.where,
        entry.kept,
    )


def _names(stage: Stage) -> dict[tuple[int, ...], str]:
    """Modules by the paths of their operations, with the names on the way to each."""
    return {path: name or type(node.module).__name__ for path, name, node in paths(stage.training.tree)}
