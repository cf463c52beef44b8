"""What ``train`` and ``megatron`` have in common: options of the output, and the output itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import click

from weighbridge.cli.options import (
    F,
    Whole,
    advice_option,
    check_explained,
    check_forms,
    explain_options,
    json_option,
    print_document,
    print_json,
    taker,
)
from weighbridge.cli.time_options import Asked, time_options
from weighbridge.errors import InputError
from weighbridge.estimate.costing import Costing
from weighbridge.estimate.further import FURTHER
from weighbridge.estimate.memory.ledger import Line
from weighbridge.estimate.memory.reasons import USUAL, Beyond
from weighbridge.estimate.memory.stage import Stage
from weighbridge.estimate.training import Training
from weighbridge.traced import Traced

EMITTED = ("megatron", "deepspeed", "torchtitan")
"""Frameworks whose arguments ``--emit`` writes."""

DOES_NOT_FIT = 3
"""Exit status of ``--check`` where the answer is that it does not fit."""


def output_options(function: F) -> F:
    """Every option of the output, in the order in which help lists them."""
    lines = click.Choice([*(line.value for line in (*Line, *Beyond)), "speed", *FURTHER, "cost", "all"])
    options = [
        click.option("--stage", type=Whole(0), help="The stage to show; the fullest by default."),
        click.option("--tree/--no-tree", default=None, help="Show the module tree: parameters, what is kept."),
        click.option("--chart", is_flag=True, help="Draw memory over one step."),
        click.option("--traced", is_flag=True, help="With --json: the text that --trace writes."),
        click.option("--emit", type=click.Choice(EMITTED), help="Print the plan as arguments for that framework."),
        click.option("--check", is_flag=True, help="End with status 3 if it does not fit."),
        click.option("--line", type=lines, help="The figure to explain; the ledger, speed and cost by default."),
    ]
    function = time_options(json_option(explain_options(advice_option(function))))
    for option in reversed(options):
        function = option(function)
    return function


@dataclass(frozen=True)
class Output:
    """What is asked for of the output; attributes are the options of :func:`output_options`."""

    stage: int | None
    tree: bool | None
    chart: bool
    traced: bool
    emit: str | None
    check: bool
    line: str | None
    explain: bool
    depth: int | None
    form: str
    as_json: bool
    advice: bool
    asked: Asked

    @classmethod
    def taken_from(cls, options: dict[str, Any], tree: bool) -> Output:
        """The options of the output, taken out of all; ``tree``: whether the module tree is shown by default.

        Raises:
            InputError: for options that would have no effect.
        """
        asked = Asked.taken_from(options)
        out = cls(**{name: options.pop(name) for name in cls.__dataclass_fields__ if name != "asked"}, asked=asked)
        check_forms(out.explain, None, out.form, out.as_json, out.depth)
        if out.line == "cost" and asked.tokens is None:
            raise InputError("--line cost: of a run; add --tokens")
        check_explained(out.explain, out.line)
        if out.traced and not out.as_json:
            raise InputError("--traced: the text of a file; add --json, or use --trace")
        drawn = [name for name, given in (("--tree", out.tree), ("--chart", out.chart)) if given]
        if drawn and out.explain and not out.as_json:
            raise InputError(f"{drawn[0]} and --explain are two forms of one output; choose one, or add --json")
        if out.emit and (drawn or out.explain) and not out.as_json:
            raise InputError(
                "--emit prints the plan and nothing else; leave out --explain, --tree, --chart or add --json"
            )
        return replace(out, tree=(tree and not out.as_json) if out.tree is None else out.tree)


def answer(training: Training, out: Output, warnings: tuple[str, ...] = ()) -> int:
    """Print what is asked for; the exit status.

    Raises:
        InputError: for a stage that there is not, or a form that the output does not have.
    """
    if out.stage is not None and out.stage >= len(training.stages):
        raise InputError(f"--stage: got {out.stage:,}; allowed is 0 to {len(training.stages) - 1:,}")
    if out.check and training.fits is None:
        raise InputError("--check: whether it fits depends on the device; add --cluster")
    _check_line(training, out.line)
    cost = out.asked.cost(training)
    warn(warnings)
    out.asked.write(training)
    if out.emit and not out.as_json:
        _emit(training, out.emit)
    elif out.as_json:
        _print_json(training, out, warnings, cost)
    elif out.explain:
        _explain(training, out, cost)
    else:
        _print(training, out, cost)
    return DOES_NOT_FIT if out.check and training.fits is False else 0


def _check_line(training: Training, line: str | None) -> None:
    """Refuse lines that the step has not.

    Raises:
        InputError: saying why.
    """
    if line in ("speed", "passes") and training.time is None:
        why = training.untimed or "it depends on the device; add --cluster"
        raise InputError(f"--line {line}: not estimated: {why}")
    if line == Beyond.FREE and training.cluster is None:
        raise InputError("--line free: it depends on the device; add --cluster")
    if line == "epoch" and training.epoch is None:
        raise InputError("--line epoch: of a data set; add --samples or --lengths")


def warn(warnings: tuple[str, ...]) -> None:
    """Warnings on standard error, a line each; who takes the result has them in it."""
    if taker() is not None:
        return
    for warning in warnings:
        click.echo(f"weighbridge: warning: {' '.join(warning.split())}", err=True)


def _emit(training: Training, kind: str) -> None:
    from weighbridge.formats.plans import emit

    written = emit(training.plan, training.model, kind)
    warn(written.warnings)
    click.echo(written.text, nl=False)


def _print(training: Training, out: Output, cost: Costing | None) -> None:
    from weighbridge.report.text import window
    from weighbridge.report.training import View, document

    view = View(out.stage, bool(out.tree), out.chart, out.advice, depth=out.depth, width=window(), cost=cost)
    print_document(document(training, view), out.form)


def _print_json(training: Training, out: Output, warnings: tuple[str, ...], cost: Costing | None) -> None:
    from weighbridge.report import training_schema

    data: dict[str, Any] = dict(training_schema.training(training, warnings, cost, out.advice))
    if out.explain:
        asked, time = (cost if _named(out, "cost") else None), (training.time if _named(out, "speed") else None)
        stage, more = _stage(training, out), _further(training, out)
        data |= training_schema.explanations(stage, _lines(training, out), out.depth, asked, time, more)
    if out.chart:
        from weighbridge.report.timeline_schema import timeline

        data["timeline"] = timeline(training, _stage(training, out))
    if out.traced:
        from weighbridge.report.trace import written

        data["trace"] = written(training)
    if out.tree:
        from weighbridge.report.tree_schema import gpu, tree

        data["tree"], data["gpu"] = tree(_stage(training, out)), gpu(_stage(training, out))
    if out.emit:
        from weighbridge.formats.plans import emit

        plan = emit(training.plan, training.model, out.emit)
        data["emitted"] = {"form": out.emit, "text": plan.text, "warnings": list(plan.warnings)}
    print_json(data)


def _explain(training: Training, out: Output, cost: Costing | None) -> None:
    from weighbridge.report.training_explained import costed, explained, opened, timed

    blocks = []
    if lines := _lines(training, out):
        blocks.append(explained(_stage(training, out), lines, out.form, out.depth))
    if training.time is not None and _named(out, "speed"):
        blocks.append(timed(training.time, out.form, out.depth))
    if cost is not None and _named(out, "cost"):
        blocks.append(costed(cost, out.form, out.depth))
    if more := _further(training, out):
        blocks.append(opened(more, out.form, out.depth))
    click.echo("\n".join(blocks), nl=False)


def _further(training: Training, out: Output) -> list[Traced]:
    """The figures of a line that is opened by its name alone."""
    return FURTHER[out.line](_stage(training, out)) if out.line in FURTHER else []


def _named(out: Output, line: str) -> bool:
    """Whether a line is to be explained."""
    return out.line in (None, "all", line)


def _stage(training: Training, out: Output) -> Stage:
    return training.worst if out.stage is None else training.stages[out.stage]


def _lines(training: Training, out: Output) -> list[Line | Beyond]:
    """The lines to explain: the one named, else all that are not nothing."""
    if out.line in ("cost", "speed", *FURTHER):
        return []
    if out.line in list(Line):
        return [Line(out.line)]
    if out.line in list(Beyond):
        return [Beyond(out.line)]
    found = [line for line, value in _stage(training, out).ledger.lines.items() if value]
    return [*found, *(USUAL if training.cluster is not None else [Beyond.RESERVED])]
