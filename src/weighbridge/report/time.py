"""What a report says of the time of a step: how long, how fast, where the time goes, what would shorten it."""

from __future__ import annotations

from collections.abc import Iterator

from weighbridge.estimate.quicker import Quicker, quicker
from weighbridge.estimate.time.bounds import BUBBLE, OPTIMIZER, Part, parts
from weighbridge.estimate.time.step import StageTime, StepTime
from weighbridge.estimate.time.work import Bound, Channel
from weighbridge.estimate.time_band import sentence, time_band
from weighbridge.estimate.training import Training
from weighbridge.report.document import Column, Row, Table
from weighbridge.report.modules import ranges
from weighbridge.report.tree import owner
from weighbridge.sums import summed
from weighbridge.traced import plain
from weighbridge.units import gibibytes, thousands, three_digits

MESSAGE, WAITING, STEPPING, LAUNCHING = "#d55e00", "#999999", "#cc79a7", "#7a6a00"
"""Colours of what is no module: messages, the bubble, the optimizer, the host. Modules have theirs."""

COLOURS = {
    **{channel.value: MESSAGE for channel in Channel},
    BUBBLE: WAITING,
    OPTIMIZER: STEPPING,
    Bound.LAUNCH.value: LAUNCHING,
}

NAMES = {
    "other": "residuals and other",
    Bound.LAUNCH.value: "launching kernels",
}
"""Parts by another name than the breakdown's."""

WAITS = {Bound.LAUNCH: "the host"}

OWN = "waits for: of a module, its kernels together with the exposed messages that it needs"

UNMEASURED = "no measured step times to compare with yet"

WIDTH = 24
"""Columns of the bar of the whole step."""

SAID = 0.05
"""Share of a part's time from which on what it waits for is said beside what it waits for most."""

DISTINCT = 8
"""Different stages that are listed at most."""


def seconds(value: float) -> str:
    """A duration in the unit that leaves three digits: ``86.1 ms``, ``5.60 s``."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if float(f"{value:.3g}") >= size:
            return _three(value / size, unit)
    return _three(value / 1e-6, "us")


def _three(value: float, unit: str) -> str:
    rounded = float(f"{value:.3g}")
    digits = 0 if rounded >= 100 else 1 if rounded >= 10 else 2
    return f"{value:,.{digits}f} {unit}"


def share(part: float, whole: float) -> str:
    """A share: ``24.2 %``."""
    return f"{100 * part / whole:.1f} %" if whole else "-"


def facts(training: Training) -> tuple[tuple[str, ...], ...]:
    """How long a step takes and how fast that is, with the error band; nothing without a cluster."""
    time = training.time
    if time is None:
        return ((f"time  not estimated: {training.untimed}",),) if training.cluster else ()
    unfit = ", if it fitted" if training.fits is False else ""
    rate = f"{three_digits(time.tokens_per_second, 'tokens/s', names=('', 'K ', 'M ', 'B '))}"
    each = f"{time.tokens_per_second_per_gpu:,.0f} tokens/s per GPU"
    model = f"model {time.model_tflops_per_gpu:,.0f} TFLOP/s per GPU (MFU {100 * time.mfu:.1f} %)"
    hardware = f"hardware {time.hardware_tflops_per_gpu:,.0f} TFLOP/s per GPU (HFU {100 * time.hfu:.1f} %)"
    band = time_band(training)
    return (
        (f"time  {seconds(time.step_seconds)} a step{unfit}", f"{rate}, {each}"),
        (f"speed  {model}", hardware),
        (sentence(band) if band else UNMEASURED,),
    )


def tables(training: Training) -> list[Table]:
    """Where the time goes, how stages differ; nothing without a cluster."""
    time = training.time
    if time is None:
        return []
    found = [breakdown(time)]
    if len(time.stages) > 1:
        found.append(stages(time))
    return found


def breakdown(time: StepTime) -> Table:
    """Every part of the step of the stage that is done last; they add up to it."""
    whole = time.step_seconds
    found = parts(time)
    rows: list[Row] = []
    modules = [part for part in found if part.module]
    messages = [part for part in found if part.message]
    for title, group in (("computing", modules), ("exposed messages", messages)):
        if group:
            total = summed(part.seconds for part in group)
            rows.append(Row((title, seconds(total), share(total, whole), "", ""), strong=True))
        rows += [_part(part, whole, indent="  ") for part in group]
    rows += [_part(part, whole, "") for part in found if not part.module and not part.message]
    rows.append(Row(("a step", seconds(whole), "100.0 %", "", ""), strong=True))
    columns = (
        Column("part", False, whole=True),
        Column("time"),
        Column("share"),
        Column("waits for", False, optional=True, whole=True),
        Column("", False, optional=True, whole=True),
    )
    who = f" ({owner(time.stages[time.last].stage)}, which is done last)" if len(time.stages) > 1 else ""
    return Table(columns, tuple(rows), f"Where the time of a step goes{who}", basis(time))


def basis(time: StepTime) -> str:
    """What the speeds of kernels and messages rest on, and how the power limit holds multiplies back."""
    clock = time.clock
    pace = time.stages[time.last].pace
    held = (
        f"; multiplies at {100 * pace:.0f} % of their rate in short runs (power limit, slowest GPU)" if pace < 1 else ""
    )
    return f"kernels: {clock.speeds.basis}{held}\nmessages: {clock.links.basis}\n{OWN}"


def _part(part: Part, whole: float, indent: str) -> Row:
    bar = "#" * round(WIDTH * part.seconds / whole)
    name = NAMES.get(part.name, part.name)
    cells = (indent + name, seconds(part.seconds), share(part.seconds, whole), waits_for(part), bar)
    return Row(cells, COLOURS.get(part.name, part.name))


def waits_for(part: Part) -> str:
    """``compute``, or ``compute 83 %, memory 17 %``: what a part and its messages wait for, the most first."""
    if part.name == BUBBLE:
        return "other stages"
    whole = summed(part.waits.values())
    said = [
        (WAITS.get(bound, bound.value), spent / whole) for bound, spent in part.waits.items() if spent >= SAID * whole
    ]
    if len(said) == 1:
        return said[0][0]
    return ", ".join(f"{name} {100 * part:.0f} %" for name, part in said)


def stages(time: StepTime) -> Table:
    """Passes of one micro-batch on every stage; equal stages share a row, the slowest are listed if there are many."""
    groups: dict[tuple[str, ...], list[int]] = {}
    for number, stage in enumerate(time.stages):
        groups.setdefault(_stage(stage), []).append(number)
    listed = sorted(groups.items(), key=lambda item: item[1])
    if len(listed) > DISTINCT:
        slowest = sorted(time.stages, key=lambda stage: -float(plain(stage.forward + stage.backward)))
        kept = {_stage(stage) for stage in slowest[:DISTINCT]}
        listed = [item for item in listed if item[0] in kept]
    rows = tuple(Row((ranges(numbers), *cells)) for cells, numbers in listed)
    names = ("forward", "backward", "weights gathered", "gradients, optimizer")
    columns = (
        Column("stage", False, whole=True),
        *(Column(name, optional=place > 1) for place, name in enumerate(names)),
    )
    hidden = len(groups) - len(listed)
    remark = f"{hidden:,} quicker kinds of stage are not listed" if hidden else ""
    return Table(
        columns, rows, "A micro-batch on each stage, and what stands before the first and after the last", remark
    )


def _stage(stage: StageTime) -> tuple[str, ...]:
    figures = (stage.forward, stage.backward, stage.head, stage.tail)
    return tuple(seconds(float(plain(value))) if plain(value) > 0 else "-" for value in figures)


def changes(training: Training) -> Table | None:
    """What would shorten the step most; ``None`` without a cluster or where nothing that was tried does."""
    found = quicker(training)
    if training.time is None or not found:
        return None
    fits = training.fits is not False
    title = "What would shorten a step most, each by itself" if fits else "The quickest that fits, each by itself"
    columns = (
        Column("change", False),
        Column("a step then"),
        *([Column("saves")] if fits else []),
        Column("tokens/s per GPU", optional=True),
        Column("in use then", optional=True),
    )
    return Table(columns, tuple(Row(tuple(_change(one))) for one in found), title)


def _change(one: Quicker) -> Iterator[str]:
    yield one.title
    yield seconds(one.step_seconds)
    if one.saves is not None:
        yield share(one.saves, 1)
    yield thousands(round(one.tokens_per_second_per_gpu))
    yield gibibytes(one.in_use)
