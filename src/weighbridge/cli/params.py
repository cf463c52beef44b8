"""``weighbridge params MODEL``."""

from __future__ import annotations

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
from weighbridge.errors import InputError
from weighbridge.estimate.parameters import QUANTITIES, params
from weighbridge.tree import Kind


@click.command("params")
@model_argument
@click.option("--dtype", help="Data type of the weights; by default the configuration's, else bf16.")
@click.option("--router-dtype", help="Data type of router weights; by default that of the others.")
@click.option("--quantity", type=click.Choice(QUANTITIES), help="The figure to explain; the total by default.")
@explain_options
@json_option
def command(
    model: str,
    changes: tuple[str, ...],
    dtype: str | None,
    router_dtype: str | None,
    quantity: str | None,
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
