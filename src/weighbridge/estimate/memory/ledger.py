"""The ledger of a stage: every byte of its highest moment under the line that it stands in."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING

from weighbridge.arithmetic import Count, total
from weighbridge.estimate.memory.activations import Peak
from weighbridge.estimate.memory.reference import excess
from weighbridge.replay import Size
from weighbridge.tape import Tensor, Use
from weighbridge.traced import Label, named

if TYPE_CHECKING:
    from weighbridge.estimate.memory.stage import Stage


class Line(StrEnum):
    """A line of the ledger; the order is the order of every table and legend."""

    WEIGHTS = "weights"
    GRADIENTS = "gradients"
    MAIN = "main_parameters"
    OPTIMIZER = "optimizer"
    ACTIVATIONS = "activations"
    LOGITS = "logits_and_loss"
    WORKSPACE = "workspace"
    COMMUNICATION = "communication"


MEANING: dict[Line, str] = {
    Line.WEIGHTS: "weights between steps, buffers of modules included",
    Line.GRADIENTS: "the buffer in which gradients gather",
    Line.MAIN: "the optimizer's own copy of the weights",
    Line.OPTIMIZER: "what the optimizer holds for every parameter",
    Line.ACTIVATIONS: "kept for the backward pass, of all micro-batches in flight",
    Line.LOGITS: "scores of the vocabulary, their probabilities and gradients",
    Line.WORKSPACE: "being computed, recomputed, or of matrix-multiply libraries",
    Line.COMMUNICATION: "gathered for or sent by other ranks",
}

USES = {
    Use.ACTIVATION: Line.ACTIVATIONS,
    Use.LOGITS: Line.LOGITS,
    Use.WORKSPACE: Line.WORKSPACE,
    Use.COMMUNICATION: Line.COMMUNICATION,
}


GATHERED = Label("gathered_throughout", "bytes", "weights and buckets of data-parallel ranks that stand all the time")
FETCHED = Label("gathered_now", "bytes", "weights gathered and gradients reduced when the peak stands")
"""What explanations call parts of the line of communication."""


@dataclass(frozen=True)
class Entry:
    """Equal tensors that stand at the highest moment.

    Attributes:
        line: where they are counted.
        tensor: one of them.
        count: how many.
        where: the piece of the model that they belong to.
        kept: they stand for the backward pass, not only for the moment.
    """

    line: Line
    tensor: Tensor
    count: Count
    where: str
    kept: bool


def entries(peak: Peak) -> list[Entry]:
    """The activations that stand at the highest moment, of all micro-batches."""
    found = [
        Entry(USES[tensor.use], tensor, count * times, weighed.name, kept=True)
        for weighed, count in peak.held
        for tensor, times in weighed.replay.kept
    ]
    for weighed, count in peak.pending:
        for tensor, times in weighed.replay.pending:
            found.append(Entry(USES[tensor.use], tensor, count * weighed.group * times, weighed.name, kept=True))
    return found + beside(peak)


def beside(peak: Peak) -> list[Entry]:
    """Those beside what idle pieces keep: what pieces have in common, and what stands in the one that works."""
    found = [Entry(USES[tensor.use], tensor, times, "shared", kept=True) for tensor, times in peak.shared]
    found += [Entry(USES[t.use], t, times, peak.working.name, kept=True) for t, times in peak.fetched]
    left = ((weighed.name, count, standing) for weighed, count in peak.cached for standing in weighed.replay.cached)
    found += [Entry(USES[tensor.use], tensor, count * times, name, kept=True) for name, count, (tensor, times) in left]
    own = {id(tensor) for tensor, _ in (*peak.working.replay.kept, *peak.working.replay.away)}
    for tensor, times in peak.standing:
        kept = id(tensor) in own
        line = USES[tensor.use]
        if line is Line.ACTIVATIONS and not kept:
            line = Line.WORKSPACE
        found.append(Entry(line, tensor, times, peak.working.name, kept))
    return found


def always(stage: Stage) -> dict[Line, Count]:
    """What stands beside activations all the time, in a step and between steps."""
    states, buffers, gathering = stage.states, stage.buffers, stage.gathering
    return {
        Line.WEIGHTS: (2 if stage.training.reference else 1) * states.weights,
        Line.GRADIENTS: 0 if gathering.moves_gradients else states.gradients,
        Line.MAIN: states.main,
        Line.OPTIMIZER: states.optimizer,
        Line.WORKSPACE: buffers.workspaces + buffers.weight_gradients + buffers.low_weights,
        Line.COMMUNICATION: buffers.gathered + named(gathering.standing, GATHERED),
    }


def through(stage: Stage) -> dict[Line, Count]:
    """What stands beside activations all through a step."""
    return _plus(stage.always, {Line.COMMUNICATION: stage.buffers.last_input})


def below(stage: Stage, peak: Peak) -> dict[Line, Count]:
    """What stands beside activations at the highest moment."""
    beside = stage.gathering.at(peak)
    now = named(beside.communication, FETCHED)
    more: dict[Line, Count] = {Line.GRADIENTS: beside.gradients, Line.COMMUNICATION: now}
    return _plus(through(stage), more | ({Line.WORKSPACE: excess(stage, peak)} if stage.training.reference else {}))


def resting(stage: Stage) -> dict[Line, Count]:
    """What stands between steps: as in the optimizer's step, but for gradients where they are freed after it."""
    lines = stepped(stage)
    return lines | {Line.GRADIENTS: 0} if stage.gathering.frees_gradients else lines


def stepping(stage: Stage) -> dict[Line, Count]:
    """What stands during the optimizer's step."""
    return _plus(stepped(stage), {Line.WORKSPACE: stage.states.temporaries})


def stepped(stage: Stage) -> dict[Line, Count]:
    """What stands when the optimizer has stepped: all gradients and the optimizer's copy of them, and what modules
    refer to, beside what always stands. CUDA graphs' copies count here alone: at the highest moment of a run, in steps
    before there are graphs, there are none; later, what graphs keep is not counted as allocated.
    """
    states = stage.states
    moved = states.gradients if stage.gathering.moves_gradients else 0
    more = {Line.GRADIENTS: moved + states.main_gradients, Line.COMMUNICATION: stage.buffers.retained}
    return _plus(stage.always, more | {Line.WORKSPACE: stage.buffers.graphs})


def _plus(lines: dict[Line, Count], more: dict[Line, Count]) -> dict[Line, Count]:
    return {line: value + more.get(line, 0) for line, value in lines.items()}


@dataclass(frozen=True, eq=False)
class Ledger:
    """Bytes by line.

    Attributes:
        stage: whose.
        peak: the highest moment, found with plain numbers.
        size: a rank's bytes of a tensor.
        between: more stands in the optimizer's step than at any moment of activations, and the ledger is of that.
    """

    stage: Stage
    peak: Peak
    size: Size
    between: bool = False

    @cached_property
    def entries(self) -> list[Entry]:
        """What stands of activations."""
        return [] if self.between else entries(self.peak)

    @cached_property
    def lines(self) -> dict[Line, Count]:
        """Bytes of every line."""
        static = stepping(self.stage) if self.between else below(self.stage, self.peak)
        own: dict[Line, list[Count]] = {line: [] for line in Line}
        if not self.between:
            for weighed, count in self.peak.held:
                for use, bytes in weighed.kept_by_use.items():
                    own[USES[use]].append(count * bytes)
            for weighed, count in self.peak.pending:
                for use, bytes in weighed.pending_by_use.items():
                    own[USES[use]].append(count * bytes)
            for entry in beside(self.peak):
                own[entry.line].append(entry.count * self.size(entry.tensor))
        given = {line: [static[line]] if line in static else [] for line in Line}
        return {line: named(total([*given[line], *own[line]]), Label(line, "bytes")) for line in Line}

    @property
    def total(self) -> Count:
        """Bytes of all lines: the allocated peak."""
        return total(self.lines.values())
