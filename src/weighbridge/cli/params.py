"""``weighbridge params MODEL``."""

from __future__ import annotations

import click

from weighbridge.cli.options import (
    explain_options,
    json_option,
    load_model,
    model_argument,
    print_document,
    print_explanation,
    print_json,
)
from weighbridge.estimate.parameters import params

QUANTITIES = ["total", "active", "bytes", "embedding", "non_embedding", "prediction"]


@click.command("params")
@model_argument
@click.option("--dtype", help="Data type of the weights; by default the configuration's, else bf16.")
@click.option("--router-dtype", help="Data type of router weights; by default that of the others.")
@click.option("--quantity", type=click.Choice(QUANTITIES), default="total", help="The figure to explain.")
@explain_options
@json_option
def command(
    model: str,
    changes: tuple[str, ...],
    dtype: str | None,
    router_dtype: str | None,
    quantity: str,
    explain: bool,
    depth: int | None,
    form: str,
    as_json: bool,
) -> None:
    """Parameters of MODEL: total, active per token, by module and kind, and their bytes."""
    report = params(load_model(model, changes), dtype, router_dtype)
    if as_json:
        from weighbridge.report import explanation, schema

        data = dict(schema.parameters(report))
        print_json({**data, "explanation": explanation.as_dict(report.explained(quantity), depth)} if explain else data)
    elif explain:
        print_explanation(report.explained(quantity), form, depth)
    else:
        from weighbridge.report import tables

        print_document(tables.parameters(report, depth or 2), form)
