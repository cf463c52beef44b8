"""Sums over the ledger as traced numbers, down to what every line is made of."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from weighbridge.arithmetic import ratio, total
from weighbridge.estimate.memory.ledger import MEANING, Line, resting
from weighbridge.estimate.memory.stage import Stage
from weighbridge.traced import Label, Traced, called, named, plain, stated

MODEL = (Line.WEIGHTS, Line.GRADIENTS, Line.MAIN, Line.OPTIMIZER)
"""What is held for the model itself, whatever it is trained on."""


def line_of(line: Line, value: Any) -> Traced:
    """A line as a traced number; one that no size of the plan enters is a number by its name."""
    if isinstance(value, Traced):
        return value
    return leaf(line.value, value, MEANING[line])


def leaf(name: str, value: Any, note: str, source: str = "") -> Traced:
    """Bytes under a name, which have a line of their own for what there is to say."""
    return stated(int(plain(value)), Label(name, "bytes", note, source))


def allocated(stage: Stage) -> Traced:
    """The allocated peak: all lines of the ledger."""
    return _sum(stage, Line, Label("peak_allocated", "bytes", "the lines of the ledger together"))


def model(stage: Stage) -> Traced:
    """The weights, and what is held for each of them."""
    return _sum(stage, MODEL, Label("weights_and_optimizer", "bytes", "weights, and what is held for each of them"))


def rest(stage: Stage) -> Traced:
    """What stands beside them at the highest moment."""
    lines = [line for line in Line if line not in MODEL]
    return _sum(stage, lines, Label("activations_and_buffers", "bytes", "beside them at the highest moment"))


def lines_of(stage: Stage, lines: Iterable[Line]) -> list[Any]:
    """Those of the lines that are not nothing."""
    values = stage.explained_lines
    return [line_of(line, values[line]) for line in lines if plain(values[line])]


def _sum(stage: Stage, lines: Iterable[Line], label: Label) -> Traced:
    return called(total(lines_of(stage, lines)), label)


def static(stage: Stage) -> Traced:
    """What stands between steps."""
    lines = {line: value for line, value in resting(stage.traced).items() if plain(value)}
    named_lines = ((line, named(value, Label(line, "bytes", MEANING[line]))) for line, value in lines.items())
    parts: list[Any] = [line_of(line, value) for line, value in named_lines]
    return called(total(parts), Label("static_allocated", "bytes", "what stands between steps"))


def parameters(stage: Stage) -> Traced:
    """Parameters of the rank."""
    return called(stage.traced.states.parameters, Label("parameters", "parameters", "of one rank"))


def each(stage: Stage) -> Traced:
    """What the model takes for each of its parameters."""
    label = Label("bytes_per_parameter", "bytes", "on one rank")
    if not plain(stage.states.parameters):
        return called(0.0, label)
    held: Any = model(stage)
    of: Any = parameters(stage)
    return called(ratio(held, of), label)
