"""``weighbridge scaling`` and, below it, ``fit`` and ``laws``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from weighbridge.cli.options import (
    Whole,
    check_explained,
    check_forms,
    explain_options,
    json_option,
    print_document,
    print_json,
    suggesting,
)
from weighbridge.cli.program import HELP
from weighbridge.cli.progress import Progress
from weighbridge.cli.writing import OutFile, write
from weighbridge.errors import InputError, given
from weighbridge.estimate.scaling import Scaling, scaling
from weighbridge.estimate.scaling_explained import LINES
from weighbridge.estimate.training_cost import MFU
from weighbridge.formats.amounts import PRICE
from weighbridge.hardware.device import PRECISIONS

RUNS = click.Path(dir_okay=False, path_type=Path)
PICTURES = ("svg", "png", "pdf")
FORMS = click.Choice(["text", "markdown"])

QUESTION = (
    click.option("--compute", metavar="FLOPS", help="Training FLOPs, such as 5.76e23: the optimum of the budget."),
    click.option("--days", metavar="DAYS", help="In place of FLOPs: what the cluster computes in so many days."),
    click.option("--dollars", metavar="SUM", help="In place of FLOPs: what that pays for on the cluster, such as 1M."),
    click.option("--parameters", metavar="N", help="Parameters, such as 70B: the tokens that are optimal for them."),
    suggesting(
        "--tokens",
        ("300B", "1.4T", "15T"),
        metavar="D",
        help="Training tokens, such as 1.4T; with N, how far it is from optimal.",
    ),
    suggesting(
        "--inference-tokens",
        ("2T", "10T", "100T"),
        metavar="T",
        help="Tokens served: equal loss for the least compute in all.",
    ),
    suggesting(
        "--unique-tokens", ("25B", "300B", "1T"), metavar="U", help="Tokens that there are; more are repetitions."
    ),
    click.option("--law", "law", multiple=True, metavar="NAME", help="A law (repeatable), or a fit's JSON; all."),
    click.option("--cluster", help="1024xH100 or a TOML file: days and GPU hours."),
    suggesting(
        "--mfu",
        (MFU, 0.3, 0.5),
        metavar="SHARE",
        help=f"Model FLOPs utilization that you expect, such as {MFU}.",
    ),
    click.option("--price", metavar="DOLLARS", help=f"Per GPU and hour, such as {PRICE[-1]}."),
    click.option("--precision", type=click.Choice(PRECISIONS), default="bf16", help="Whose peak rate counts."),
    click.option("--strict", is_flag=True, help="Refuse answers far outside the range that a law was fitted on."),
)


def question_options(function: Any) -> Any:
    """The options of a question, in the order in which help lists them."""
    for option in reversed(QUESTION):
        function = option(function)
    return function


@click.group("scaling", invoke_without_command=True, context_settings=HELP)
@question_options
@click.option("--plot", "picture", type=OutFile(), metavar="OUT.svg", help="Draw the laws: .svg, .png or .pdf.")
@click.option("--curves", is_flag=True, help="With --json: the curves that --plot draws.")
@click.option("--line", type=click.Choice(LINES), help="The figure to explain; the usual ones by default.")
@explain_options
@json_option
@click.pass_context
def command(
    context: click.Context,
    /,
    picture: Path | None,
    curves: bool,
    line: str | None,
    explain: bool,
    depth: int | None,
    form: str,
    as_json: bool,
    **asked: Any,
) -> None:
    """Compute-optimal parameters and tokens, loss, days and dollars, by scaling laws side by side.

    Give one or two of --compute (or --days, or --dollars), --parameters and --tokens. Numbers may be written as 70B,
    1.4T or 5.76e23.
    """
    if context.invoked_subcommand is not None:
        _only_below(context, asked, picture, as_json)
        return
    check_forms(explain, None, form, as_json, depth)
    if curves and not as_json:
        raise InputError("--curves: numbers of a picture; add --json, or use --plot")
    check_explained(explain, line, depth)
    try:
        result = scaling(**(asked | {"law": laws_of(asked["law"]) or None}))
    except InputError as error:
        raise InputError(as_option(str(error))) from None
    if picture is not None:
        from weighbridge.report.plot import of_scaling

        write("--plot", picture, of_scaling(result, form_of(picture)))
    answer(result, Output(form, as_json, explain, line, depth, curves))


@dataclass(frozen=True)
class Output:
    """What is asked for of the output; attributes are options."""

    form: str
    as_json: bool
    explain: bool
    line: str | None
    depth: int | None
    curves: bool


def answer(result: Scaling, out: Output) -> None:
    """Print what the laws say, or how their formulas come to it."""
    if out.as_json:
        from weighbridge.report import scaling_schema

        data: dict[str, Any] = dict(scaling_schema.scaling(result))
        if out.explain:
            from weighbridge.report.scaling_explained import as_data

            data |= as_data(result, out.line, out.depth)
        if out.curves:
            data["curves"] = scaling_schema.curves(result)
        print_json(data)
    elif out.explain:
        from weighbridge.report.scaling_explained import explained

        click.echo(explained(result, out.line, out.form, out.depth))
    else:
        from weighbridge.report.scaling import document

        print_document(document(result), out.form)


def form_of(picture: Path) -> str:
    """The form of a picture, by the end of its name.

    Raises:
        InputError: for another.
    """
    form = picture.suffix.lower().removeprefix(".")
    if form not in PICTURES:
        raise InputError(f"--plot: got {given(picture.name)}; allowed ends: .{', .'.join(PICTURES)}")
    return form


def laws_of(names: tuple[str, ...]) -> list[Any]:
    """Laws by name; what ends in .json or has a slash is a file that ``fit --json`` printed."""
    found: list[Any] = []
    for name in names:
        if name.lower().endswith(".json") or "/" in name:
            from weighbridge.formats.law_file import load_law

            found.append(load_law(Path(name)))
        else:
            found.append(name)
    return found


def as_option(message: str) -> str:
    """An error of the question, with fields as the command line calls them."""
    field, colon, rest = message.partition(": ")
    known = {option for option in FIELDS if option in field.split(", ")}
    if not colon or not known:
        return message
    return ", ".join(FIELDS.get(part, part) for part in field.split(", ")) + colon + rest


FIELDS = {
    name: "--" + name.replace("_", "-")
    for name in (
        *("compute", "days", "dollars", "parameters", "tokens", "inference_tokens", "unique_tokens"),
        *("law", "cluster", "mfu", "price", "precision"),
    )
}


def _only_below(context: click.Context, asked: dict[str, Any], picture: Path | None, as_json: bool) -> None:
    """Refuse options of the question before a command that does not read them.

    Raises:
        InputError: naming them.
    """
    given = [FIELDS.get(name, "--" + name) for name, value in asked.items() if value and name != "precision"]
    given += ["--plot"] * (picture is not None) + ["--json"] * as_json
    if given:
        below = context.invoked_subcommand
        raise InputError(f"{', '.join(given)}: scaling {below} does not read them; give its own options after {below}")


@command.command("laws")
@click.option("--format", "form", type=FORMS, default="text", help="Form of the output.")
@json_option
def laws(form: str, as_json: bool) -> None:
    """The scaling laws that there are, with their sources and what they were fitted on."""
    from weighbridge.laws import LAWS

    if as_json:
        from weighbridge.report import scaling_schema

        print_json(scaling_schema.laws(list(LAWS.values())))
        return
    from weighbridge.report.scaling_laws import catalogue

    print_document(catalogue(list(LAWS.values())), form)


@command.command("fit")
@click.argument("file", type=RUNS, metavar="FILE.csv")
@click.option("--starts", type=Whole(1, 4500), default=450, show_default=True, help="Of the optimizer.")
@click.option("--bootstrap", type=Whole(0, 100_000), default=1000, show_default=True, help="Draws.")
@click.option("--seed", type=Whole(0, 2**32 - 1), default=0, show_default=True, help="Of the draws.")
@click.option("--name", default="fitted", show_default=True, help="Name of the law.")
@click.option("--plot", "picture", type=OutFile(), metavar="OUT.svg", help="Draw runs and fit: .svg, .png or .pdf.")
@click.option("--format", "form", type=FORMS, default="text", help="Form of the output.")
@json_option
def fit(
    file: Path, starts: int, bootstrap: int, seed: int, name: str, picture: Path | None, form: str, as_json: bool
) -> None:
    """Fit L = E + A / N^alpha + B / D^beta to the runs of FILE.csv, with bootstrap intervals.

    FILE.csv has a header and the columns parameters, tokens (or compute) and loss. The law that --json prints can be
    asked with weighbridge scaling --law FILE.json.
    """
    from weighbridge.estimate.law_fit import fit_law
    from weighbridge.formats.runs_file import load_runs

    if as_json and form != "text":
        raise InputError(f"--format {form} and --json are two forms of one output; choose one")
    if picture is not None:
        form_of(picture)
    runs = load_runs(file)
    with Progress() as progress:
        found = fit_law(runs, starts, bootstrap, seed, name[:30], progress.told)
    if picture is not None:
        from weighbridge.report.plot import of_fit

        write("--plot", picture, of_fit(found, form_of(picture)))
    if as_json:
        from weighbridge.report import fitted_schema

        print_json(fitted_schema.fitted(found))
    else:
        from weighbridge.report.scaling_laws import fitted as document

        print_document(document(found), form)
