"""Lines of the ledger explained: the formula with the numbers put in, and the tensors that stand at the peak."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from weighbridge.estimate.costing import Costing
from weighbridge.estimate.memory.ledger import Line
from weighbridge.estimate.memory.moment import Stands, tensors
from weighbridge.estimate.memory.reasons import EXPLAINED, Beyond
from weighbridge.estimate.memory.stage import Stage
from weighbridge.estimate.memory.totals import line_of
from weighbridge.estimate.time.speed import EXPLAINED as SPEEDS
from weighbridge.estimate.time.step import StepTime
from weighbridge.report import explanation
from weighbridge.report.document import Column, Document, Row, Table
from weighbridge.report.markdown import as_markdown
from weighbridge.report.text import rendered, window
from weighbridge.traced import Traced

FIRST, LATER = ("dollars_per_billion_parameters", "gpu_hours"), ("co2_kg",)
"""Figures of a cost that are opened whole, the first that there is; and those of which only what is new is opened."""

RATE, SHARE = "tokens_per_second_per_gpu", "mfu"
"""Figures of a step's speed that are opened."""


def explained(stage: Stage, lines: Iterable[Line | Beyond], form: str, depth: int | None) -> str:
    """Lines of a stage's ledger, each with its derivation and its tensors; LaTeX has the derivations only."""
    blocks, chosen = [], list(lines)
    for line in chosen:
        blocks.append(explanation.FORMS[form](figure(stage, line), levels(line, chosen, depth)))
        if isinstance(line, Beyond):
            continue
        found = tensors(stage, line)
        if any(one.total for one in found) and form != "latex":
            shown = Document("", "", (), (table(line, found),))
            blocks.append(as_markdown(shown).strip() if form == "markdown" else rendered(shown, window()).strip("\n"))
    return "\n\n".join(blocks) + "\n"


def costed(cost: Costing, form: str, depth: int | None) -> str:
    """The figures of a run's cost, each with its derivation; what an earlier one opened is not opened again."""
    chosen = [name for name in FIRST if name in cost.explainable][:1] + [n for n in LATER if n in cost.explainable]
    figures = [cost.run.explained(name) for name in chosen]
    depths = [depth, *(min(depth or 2, 2) for _ in chosen[1:])]
    shown = (explanation.FORMS[form](one, deep) for one, deep in zip(figures, depths, strict=True))
    return "\n\n".join(shown) + "\n"


def timed(time: StepTime, form: str, depth: int | None) -> str:
    """How fast a step is: the whole derivation of tokens in a second, and of the utilisation what is new in it."""
    shown = ((RATE, depth), (SHARE, min(depth or 2, 2)))
    figures = ((time.speed.explained(name, time.breakdown), deep) for name, deep in shown)
    return "\n\n".join(explanation.FORMS[form](figure, deep) for figure, deep in figures) + "\n"


def opened(figures: list[Traced], form: str, depth: int | None) -> str:
    """Figures, each with its derivation."""
    return "\n\n".join(explanation.FORMS[form](figure, depth) for figure in figures) + "\n"


def speeds(time: StepTime) -> list[Traced]:
    """The figures of a step's speed as traced numbers."""
    return [time.speed.explained(name, time.breakdown) for name in SPEEDS]


def levels(line: Line | Beyond, among: Sequence[Line | Beyond], depth: int | None) -> int | None:
    """Levels of a line's names to open: of the sum of all lines, where these stand beside it, its own."""
    return 1 if line is Beyond.TOTAL and len(among) > 1 else depth


def figure(stage: Stage, line: Line | Beyond) -> Traced:
    """A line as a traced number; one that no size of the plan enters is a number by its name."""
    if isinstance(line, Beyond):
        return EXPLAINED[line](stage)
    return line_of(line, stage.explained(line))


def table(line: Line, found: list[Stands]) -> Table:
    """Tensors that stand at the highest moment, largest first."""
    columns = (
        Column("tensor", False),
        Column("shape on the rank", False),
        Column("type", False),
        Column("bytes each", optional=True),
        Column("count"),
        Column("bytes"),
        Column("for", False, optional=True),
    )
    title = f"Tensors of {line.value.replace('_', ' ')} at the highest moment"
    return Table(columns, tuple(Row(_cells(one)) for one in found if one.total), title)


def _cells(one: Stands) -> tuple[str, ...]:
    shape = " x ".join(f"{size:,} {axis}" for size, axis in zip(one.shape, one.axes, strict=True))
    module = one.made_by.removeprefix("layers.")
    name = f"{one.name} of {module}" if module else one.name
    use = "backward" if one.kept else "the moment"
    return name, shape or "1", one.dtype, f"{one.bytes:,}", f"{one.count:,}", f"{one.total:,}", use
