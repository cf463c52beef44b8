"""Options of ``compare`` that ask for deployments: on which clusters, with weights in which formats."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from weighbridge.cli.infer_options import asked, cache_option, engine_option, in_options
from weighbridge.cli.options import (
    F,
    Share,
    count_option,
    load_model,
    price_option,
    print_document,
    print_json,
    suggesting,
)
from weighbridge.cli.writing import OutFile, write
from weighbridge.errors import InputError, given
from weighbridge.estimate.inference.comparison import Compared, compare_deployments
from weighbridge.estimate.inference.deployment import STORED
from weighbridge.parallel.degrees import SERVING

FORMS = (".svg", ".png", ".pdf")

ALONE = ("quant", "kv", "engine", "prompt", "output", "batch", "price", "memory_share", "cached_prompt", "plot")
"""Options that only deployments have."""


def deployment_options(function: F) -> F:
    """Every option, in the order in which help lists them."""
    out = OutFile()
    options: list[Any] = [
        click.option("--cluster", "clusters", multiple=True, help="Serve them there; may be given several times."),
        suggesting("--quant", STORED, metavar="A,B,C", help="Formats of weights, as infer --quant takes; published."),
        cache_option,
        engine_option,
        count_option("--prompt", None, "Tokens of a prompt; 1024."),
        count_option("--output", None, "Tokens of an answer; 256."),
        count_option("--batch", None, "Sequences at once; as many as fit by default."),
        click.option("--memory-share", type=Share(0.01, 1), metavar="SHARE", help="Of a GPU, for the engine."),
        click.option("--cached-prompt", type=Share(0, 0.999), metavar="SHARE", help="Of prompts, in the prefix cache."),
        price_option,
        click.option("--plot", type=out, metavar="OUT.svg", help="Draw deployments: SVG, PNG or PDF."),
    ]
    for option in reversed(options):
        function = option(function)
    return function


def check_alone(options: dict[str, Any]) -> None:
    """Refuse options of deployments where no cluster is given.

    Raises:
        InputError: naming them.
    """
    said = [f"--{name.replace('_', '-')}" for name in ALONE if options[name] is not None]
    if said:
        raise InputError(f"{', '.join(said)}: of deployments; add --cluster, such as --cluster 8xH200")


def deployments(models: tuple[str, ...], clusters: tuple[str, ...], options: dict[str, Any], form: str) -> None:
    """Print a comparison of deployments: ``text``, ``csv``, ``markdown`` or ``json``.

    Raises:
        InputError: for options that cannot be, by their names.
    """
    plot: Path | None = options.pop("plot")
    if plot is not None and plot.suffix.lower() not in FORMS:
        raise InputError(f"--plot: got {given(plot.name)}; allowed: {', '.join(FORMS)}")
    stored = [name.strip() for name in (options.pop("quant") or "published").split(",")]
    try:
        fields = asked({**dict.fromkeys((*SERVING, "chunk", "quant", "shortest", "draft", "accept")), **options})
        fields.pop("quantisation")
        rows = compare_deployments([load_model(model, ()) for model in models], clusters, stored, **fields)
    except InputError as error:
        raise in_options(error) from None
    if plot is not None:
        from weighbridge.report.plot_serving import of_deployments

        write("--plot", plot, of_deployments(rows, plot.suffix.lower().removeprefix(".")))
    _print(rows, form)


def _print(rows: tuple[Compared, ...], form: str) -> None:
    from weighbridge.report import inference_comparison as report

    if form == "json":
        print_json(report.table(rows))
    elif form == "csv":
        click.echo(report.as_csv(rows), nl=False)
    else:
        print_document(report.document(rows, _load(rows)), form)


def _load(rows: tuple[Compared, ...]) -> str:
    """What users ask, which is the same for all that can be."""
    serving = next((one.found.inference.serving for one in rows if one.found), None)
    if serving is None:
        return "none of them can be"
    return f"{serving.engine.title}: {serving.prompt:,} tokens in, {serving.output:,} out"
