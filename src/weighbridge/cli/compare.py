"""``weighbridge compare MODEL...``."""

from __future__ import annotations

from typing import Any

import click

from weighbridge.cli.compare_options import check_alone, deployment_options, deployments
from weighbridge.cli.options import count_option, json_option, load_model, print_document, print_json
from weighbridge.errors import InputError
from weighbridge.estimate.comparison import compare


@click.command("compare")
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@count_option("--seq", None, "Tokens of the sequence whose FLOPs are counted; 4096, or what all models allow.")
@click.option("--dtype", help="Data type of all weights; by default each configuration's own.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@click.option("--markdown", is_flag=True, help="Print a Markdown table.")
@deployment_options
@json_option
def command(
    models: tuple[str, ...],
    seq: int | None,
    dtype: str | None,
    as_csv: bool,
    markdown: bool,
    as_json: bool,
    clusters: tuple[str, ...],
    **options: Any,
) -> None:
    """Models side by side: parameters, dimensions, bytes, FLOPs of one sequence.

    With --cluster, their deployments: weights in every format on every cluster, fit, room, latency, price.
    """
    if as_csv + markdown + as_json > 1:
        raise InputError("--csv, --markdown and --json are three forms of one output; choose one")
    if clusters:
        if seq is not None or dtype is not None:
            raise InputError("--seq and --dtype compare models; with --cluster use --prompt, --output and --quant")
        form = "csv" if as_csv else "markdown" if markdown else "json" if as_json else "text"
        deployments(models, clusters, options, form)
        return
    check_alone(options)
    report = compare([load_model(model, ()) for model in models], seq, dtype)
    from weighbridge.report import schema, tables

    if as_json:
        print_json(schema.comparison(report))
        return
    document = tables.comparison(report)
    if as_csv:
        from weighbridge.report.markdown import as_csv as written

        click.echo(written(document.tables[0]), nl=False)
    else:
        from weighbridge.report.text import window

        print_document(document if markdown else tables.turned(document, window()), "markdown" if markdown else "text")
