"""``weighbridge params MODEL``."""

from __future__ import annotations

from pathlib import Path

import click

from weighbridge.cli.options import (
    check_forms,
    explain_options,
    json_option,
    load_model,
    model_argument,
    print_document,
    print_explanation,
    print_json,
)
from weighbridge.cli.writing import write
from weighbridge.errors import InputError, given
from weighbridge.estimate.parameters import QUANTITIES, params
from weighbridge.models import Model
from weighbridge.tree import Kind

FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("params")
@model_argument
@click.option("--dtype", help="Data type of the weights; by default the configuration's, else bf16.")
@click.option("--router-dtype", help="Data type of router weights; by default that of the others.")
@click.option("--quantity", type=click.Choice(QUANTITIES), help="The figure to explain; the total by default.")
@click.option("--draw", type=FILE, metavar="OUT.svg", help="Draw its layers, and what runs in each kind.")
@explain_options
@json_option
def command(
    model: str,
    changes: tuple[str, ...],
    dtype: str | None,
    router_dtype: str | None,
    quantity: str | None,
    draw: Path | None,
    explain: bool,
    depth: int | None,
    form: str,
    as_json: bool,
) -> None:
    """Parameters of MODEL: total, active per token, by module and kind, and their bytes."""
    check_forms(explain, quantity, form, as_json, depth)
    report = params(load_model(model, changes), dtype, router_dtype)
    if router_dtype is not None and Kind.ROUTER not in report.by_kind:
        raise InputError(f"--router-dtype: {report.model.name} has no router")
    if draw is not None:
        _draw(draw, report.model)
    quantity = quantity or "total"
    if as_json:
        from weighbridge.report import explanation, schema

        data = dict(schema.parameters(report))
        print_json({**data, "explanation": explanation.as_dict(report.explained(quantity), depth)} if explain else data)
    elif explain:
        print_explanation([report.explained(quantity)], form, depth)
    else:
        from weighbridge.report import tables

        print_document(tables.parameters(report, depth or 2), form)


def _draw(path: Path, model: Model) -> None:
    """Write the picture of a model.

    Raises:
        InputError: for a path that cannot be written, or a picture of another form.
    """
    if path.suffix.lower() != ".svg":
        raise InputError(f"--draw: got {given(path.name)}; it is written as .svg")
    from weighbridge.report.block import drawing

    write("--draw", path, drawing(model).encode())
