"""What the report of a training step says, as a document."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from weighbridge.estimate.advice import Advice, advise, in_use
from weighbridge.estimate.bands import shown_bands, too_close
from weighbridge.estimate.costing import Costing
from weighbridge.estimate.memory.ledger import Line
from weighbridge.estimate.memory.moment import BETWEEN, peak_at
from weighbridge.estimate.memory.stage import Stage
from weighbridge.estimate.memory.timeline import timeline
from weighbridge.estimate.training import Training
from weighbridge.report import cost as costs
from weighbridge.report import finetuning, time, tree
from weighbridge.report.chart import LOOKS, Bar, Bars, Chart
from weighbridge.report.document import Column, Document, Picture, Row, Table
from weighbridge.report.modules import ranges
from weighbridge.report.plan_words import plan_in_words
from weighbridge.traced import plain
from weighbridge.units import flops, gibibytes, percent

WHAT: dict[str, str] = {
    Line.WEIGHTS: "as they stand, with modules' buffers",
    Line.GRADIENTS: "the buffer in which they gather",
    Line.MAIN: "the optimizer's own copy of the weights",
    Line.OPTIMIZER: "its states for every parameter",
    Line.ACTIVATIONS: "kept for backward, of all in flight",
    Line.LOGITS: "of the vocabulary, and their gradients",
    Line.WORKSPACE: "at work, recomputed, of libraries",
    Line.COMMUNICATION: "gathered for or sent by other ranks",
    "allocator": "free blocks of the allocator (estimate)",
    "context": "outside the allocator (estimate)",
}
"""Every part of the ledger in a few words."""

IN_FLIGHT = "in flight: from its forward pass until its backward pass is done, which needs what it kept"

UNMEASURED = "no measured runs of this framework to compare with yet"

MOST_BARS = 20
"""Bars that a report draws at most: those of the fullest stages."""


@dataclass(frozen=True)
class View:
    """What a report shows of a step.

    Attributes:
        stage: the stage whose ledger and modules are shown; the fullest if ``None``.
        modules: the module tree too.
        chart: memory over the step too.
        changes: what to change.
        depth: levels of modules; all if ``None``.
        width: columns of the window.
        cost: of a run, where it is asked for.
    """

    stage: int | None = None
    modules: bool = False
    chart: bool = False
    changes: bool = True
    depth: int | None = None
    width: int = 100
    cost: Costing | None = None


def document(training: Training, view: View = View()) -> Document:
    """Whether it fits, one bar per stage, the ledger of the fullest, where its peak stands, where the time goes, what
    to change, what a run costs.
    """
    stage = training.worst if view.stage is None else training.stages[view.stage]
    facts = (*_answers(training), *_step(training), *finetuning.facts(training), *time.facts(training))
    pictures: list[Picture] = [bars(training)]
    if view.chart:
        pictures.append(chart(training, stage))
    tables = [ledger(stage), where(stage), *time.tables(training)]
    if view.changes:
        advised = (changes(training, advise(training)), time.changes(training))
        tables += [found for found in advised if found]
    if view.cost:
        tables.append(costs.table(view.cost))
    if view.modules:
        tables = [tree.table(stage, view.depth, view.width), tree.per_gpu(stage), *tables]
    on = f" on {training.cluster}" if training.cluster else ""
    notes = training.notes
    return Document(headline(training), f"{training.model.name}{on}", facts, tuple(tables), notes, tuple(pictures))


def headline(training: Training) -> str:
    """Fits or not, with the figure that people came for."""
    cluster, worst = training.cluster, training.worst
    at = peak_at(worst)
    stage = f"stage {worst.number}, " if len(training.stages) > 1 else ""
    where_ = f"({stage}peak {at.place}{'' if at.direction == BETWEEN else f', {at.direction}'})"
    if cluster is None:
        return f"{gibibytes(int(plain(worst.peak_allocated)))} allocated on the fullest GPU {where_}"
    room, total = gibibytes(cluster.device.usable_bytes), gibibytes(int(plain(worst.device_total)))
    needed = _of(total, room)
    if total == room:
        left = cluster.device.usable_bytes - int(plain(worst.device_total))
        needed += f" ({abs(left):,} bytes {'free' if left >= 0 else 'too many'})"
    close = ", but closer than the estimate can tell" if too_close(training) else ""
    return f"{'Fits' if training.fits else 'Does not fit'}{close}: {needed} on the fullest GPU {where_}"


def _of(part: str, whole: str) -> str:
    """``47.7 of 79.1 GiB``: the unit once where it is the same."""
    return f"{part.split()[0] if part.split()[1] == whole.split()[1] else part} of {whole}"


def _answers(training: Training) -> tuple[tuple[str, ...], ...]:
    """Error band; allocated, reserved and standing bytes of the fullest stage."""
    worst = training.worst
    bands = {band.attribute: (band.sentence,) for band in shown_bands(training)}
    allocated, static = int(plain(worst.peak_allocated)), int(plain(worst.static_allocated))
    reserved, outside = int(plain(worst.peak_reserved)), int(plain(worst.outside))
    around = [f"reserved {gibibytes(reserved)}"]
    if worst.free is not None:
        left = int(plain(worst.free))
        around += [f"context {gibibytes(outside)}", f"{gibibytes(abs(left))} {'free' if left >= 0 else 'too many'}"]
    facts: tuple[tuple[str, ...], ...] = (
        bands.get("peak_allocated", (UNMEASURED,) if not bands else ()),
        (f"allocated peak {allocated:,} bytes ({gibibytes(allocated)})", ", ".join(around)),
        bands.get("peak_reserved", ()),
        bands.get("device_total", ()),
        (f"between steps  {static:,} bytes ({gibibytes(static)})",),
    )
    return tuple(fact for fact in facts if fact)


def _step(training: Training) -> tuple[tuple[str, ...], ...]:
    """The plan and its step."""
    plan, work = training.plan, training.flops
    sequences = int(plain(plan.sequences))
    batches = f"{plan.micro_batches:,} micro-batch{'es' if plan.micro_batches != 1 else ''} of {plan.micro_batch:,}"
    each = f"{batches} on each of {plan.data:,} data-parallel ranks" if plan.data > 1 else batches
    several = "s" if sequences != 1 else ""
    step = f"step  {sequences:,} sequence{several} of {plan.sequence:,} tokens: {each}"
    model = f"FLOPs  {flops(int(plain(work.model)))} by the model per step"
    again = f"{flops(int(plain(work.hardware)))} by the hardware ({percent(work.again, work.model)} recomputed)"
    return (f"plan  {plan_in_words(plan)}",), (step,), (model, again if plain(work.again) else "")


def parts(stage: Stage) -> dict[str, int]:
    """Every part of what the device shows in use, in the one order; they add up to it."""
    found: dict[str, int] = {line.value: int(plain(value)) for line, value in stage.ledger.lines.items()}
    found["allocator"] = int(plain(stage.cached))
    found["context"] = int(plain(stage.outside))
    return found


def bars(training: Training) -> Bars:
    """One bar per stage; equal stages share one."""
    groups: dict[tuple[int, ...], list[Stage]] = defaultdict(list)
    for stage in training.stages:
        groups[tuple(parts(stage).values())].append(stage)
    worst = training.worst
    shown = list(groups.values())
    if len(shown) > MOST_BARS:
        fullest = sorted(shown, key=lambda stages: -plain(stages[0].device_total))[:MOST_BARS]
        shown = [stages for stages in shown if stages in fullest or worst in stages]
    drawn = tuple(Bar(_stages(stages), parts(stages[0])) for stages in shown)
    capacity = worst.capacity
    hidden = len(training.stages) - sum(map(len, shown))
    return Bars(drawn, capacity, f"{hidden:,} stages that need less are not drawn" if hidden else "")


def _stages(stages: list[Stage]) -> str:
    return f"stages {ranges([stage.number for stage in stages])}" if len(stages) > 1 else tree.owner(stages[0])


def chart(training: Training, stage: Stage) -> Chart:
    """Memory of a stage over one step."""
    found = timeline(training, only=stage.number)
    step = f"one step ({found.left_out})" if found.left_out else "one step"
    units = "a forward pass of a chunk takes 1 unit, backward 2"
    title = f"Allocated memory of {tree.owner(stage)} over {step}; {units}"
    return Chart(title, found.tracks[stage.number].samples, found.duration)


def ledger(stage: Stage) -> Table:
    """Every line of a stage's memory that is not nothing, with its share of what is in use."""
    found, whole = parts(stage), int(plain(stage.device_total))
    rows = []
    for key, value in found.items():
        if value:
            rows.append(_line(f"{LOOKS[key].mark} {LOOKS[key].name}", value, whole, WHAT[key], LOOKS[key].colour))
        if key == Line.COMMUNICATION:
            rows.append(_line("  allocated peak", int(plain(stage.peak_allocated)), whole, "max_memory_allocated"))
        if key == "allocator":
            rows.append(_line("  reserved peak", int(plain(stage.peak_reserved)), whole, "max_memory_reserved"))
    if stage.free is not None:
        rows.append(_line("  in use", whole, whole, "what the device shows"))
        free = int(plain(stage.free))
        name = "free" if free >= 0 else "too many"
        rows.append(_line(f". {name}", abs(free), 0, "of what the device lets programs have"))
    size = (Column("size"), Column("share", optional=True), Column("bytes", optional=True))
    columns = (Column("line", False, whole=True), *size, Column("what", False, optional=True))
    any_rank = ", of any of its ranks" if len(stage.training.stages) > 1 else ""
    return Table(columns, tuple(rows), f"Ledger of {tree.owner(stage)}{any_rank}")


def _line(name: str, value: int, whole: int, meaning: str, colour: str = "") -> Row:
    return Row(
        (name, gibibytes(value), percent(value, whole) if whole else "", f"{value:,}", meaning),
        colour,
        not colour,
    )


def where(stage: Stage) -> Table:
    """Where the peak stands."""
    at = peak_at(stage)
    names = ("operation", "module", "layer", "pass", "micro-batches in flight")
    layer = "" if at.layer is None else f"{at.layer:,}"
    cells = (at.operation, at.module or "-", layer or "-", at.direction, f"{at.micro_batches:,}")
    columns = tuple(Column(name, name in ("layer", names[-1])) for name in names)
    of = f" of {tree.owner(stage)}" if len(stage.training.stages) > 1 else ""
    remark = IN_FLIGHT if at.direction != BETWEEN else ""
    return Table(columns, (Row(cells),), f"Where the peak{of} stands", remark)


def changes(training: Training, advice: Advice) -> Table | None:
    """What to change, and what each change gives; ``None`` where nothing frees memory."""
    if not advice.changes:
        return None
    title = "What would free most, each by itself"
    if training.fits is False:
        title = "What would make it fit, each by itself"
        if advice.together:
            title = "What would make it fit, one on top of the other"
        if not advice.enough:
            title = "Nothing tried makes it fit; what frees most, one on top of the other"
    rows = []
    for number, change in enumerate(advice.changes):
        then = "" if training.cluster is None else "fits" if change.fits else "does not fit"
        more = f"{100 * change.more_flops:+.1f} %" if change.works_more else "same"
        after = gibibytes(in_use(change.training))
        ahead = "then " if advice.together and number else ""
        rows.append(Row((ahead + change.title, gibibytes(change.frees), after, then, more)))
    columns = (Column("change", False), Column("frees"), Column("in use then"), Column("", False, True))
    return Table((*columns, Column("hardware FLOPs", optional=True)), tuple(rows), title)
