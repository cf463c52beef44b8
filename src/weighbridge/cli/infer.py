"""``weighbridge infer MODEL --cluster CLUSTER``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import click

from weighbridge.cli.infer_options import asked, in_options, serving_options
from weighbridge.cli.options import (
    Once,
    advice_option,
    check_explained,
    check_forms,
    explain_options,
    json_option,
    load_model,
    model_argument,
    print_document,
    print_json,
)
from weighbridge.cli.weighing import DOES_NOT_FIT, warn
from weighbridge.errors import InputError, shown
from weighbridge.estimate.inference.deployment import PUBLISHED, Deployment, deploy
from weighbridge.formats.cluster import load_cluster
from weighbridge.formats.plans.emit_serving import LAUNCHED
from weighbridge.models.catalogue import find
from weighbridge.parallel.degrees import SERVING

MEMORY = ("weights", "kv_cache", "cache_per_token", "activations", "context", "total", "engine")
LINES = (*MEMORY, "users", "longest_context", "ttft", "ttft_alone", "tpot", "itl", "speed", "price", "energy")
"""What ``--explain`` explains."""

LONG = ("contexts",)
"""What it explains on request only: figures of many lengths."""


@dataclass(frozen=True)
class Output:
    """What is asked for of the output; attributes are options."""

    chart: bool
    check: bool
    line: str | None
    explain: bool
    depth: int | None
    form: str
    as_json: bool
    emit: str | None
    advice: bool

    @classmethod
    def taken_from(cls, options: dict[str, Any]) -> Output:
        """The options of the output, taken out of all.

        Raises:
            InputError: for options that would have no effect.
        """
        out = cls(**{name: options.pop(name) for name in cls.__dataclass_fields__})
        check_forms(out.explain, None, out.form, out.as_json, out.depth)
        check_explained(out.explain, out.line, out.depth)
        if out.emit and (out.chart or out.explain or out.form != "text") and not out.as_json:
            raise InputError(
                "--emit prints the command and nothing else; leave out --explain, --chart, --format or add --json"
            )
        if out.chart and out.explain and not out.as_json:
            raise InputError("--chart and --explain are two forms of one output; choose one, or add --json")
        return out


@click.command("infer", cls=Once)
@model_argument
@click.option("--cluster", required=True, help="8xH200, 2x8xH200 (servers x GPUs), RTX-4090, or a TOML file.")
@serving_options
@click.option("--chart", is_flag=True, help="Show what more users at once cost and give.")
@click.option("--emit", type=click.Choice(LAUNCHED), help="Print the command that starts it under that engine.")
@click.option("--check", is_flag=True, help="End with status 3 if it does not fit.")
@click.option("--line", type=click.Choice((*LINES, *LONG)), help="What to explain; all but contexts by default.")
@advice_option
@explain_options
@json_option
def command(model: str, changes: tuple[str, ...], cluster: str, **options: Any) -> int:
    """Serving: whether it fits, how many users, how soon and how fast they get tokens, and what those cost.

    What is not said is chosen: all GPUs of the cluster, weights as published or the widest format that fits, as many
    sequences at once as there is room for. What was chosen stands below the answer.
    """
    out = Output.taken_from(options)
    if out.emit:
        options["engine"] = emitted(out.emit, options["engine"])
    machines, loaded = load_cluster(cluster), load_model(model, changes)
    said = {name for name in SERVING if options[name] is not None}
    try:
        deployment = deploy(loaded, machines, **asked(options))
    except InputError as error:
        raise in_options(error) from None
    _print(deployment, out, said)
    return DOES_NOT_FIT if out.check and deployment.inference.memory.fits is False else 0


def _print(deployment: Deployment, out: Output, said: set[str]) -> None:
    """The answer in the form that is asked for."""
    if out.as_json:
        _print_json(deployment, out, said)
    elif out.emit:
        text, warnings = _launched(deployment)
        warn(warnings)
        click.echo(text, nl=False)
    elif out.explain:
        from weighbridge.report.inference_explained import explained

        click.echo(explained(deployment.inference, _lines(out), out.form, out.depth), nl=False)
    else:
        from weighbridge.report.inference import View, document

        print_document(document(deployment, View(out.chart, out.advice)), out.form)


def _print_json(deployment: Deployment, out: Output, said: set[str]) -> None:
    """The answer as data, with what is asked for beside it."""
    from weighbridge.report import inference_schema

    data: dict[str, Any] = dict(inference_schema.deployment(deployment, out.advice, said))
    if out.explain:
        data |= inference_schema.explanation_of(deployment, _lines(out), out.depth)
    if out.chart:
        from weighbridge.report.serving_curves import contexts_as_data, users_as_data

        data["users"] = users_as_data(deployment.inference)
        data["contexts"] = contexts_as_data(deployment.inference)
    if out.emit:
        text, warnings = _launched(deployment)
        data["emitted"] = {"form": out.emit, "text": text, "warnings": list(warnings)}
    print_json(data)


def emitted(kind: str, engine: str | None) -> str:
    """The engine of a command: that of ``--emit``.

    Raises:
        InputError: where another is asked for.
    """
    if engine is not None and engine != kind:
        raise InputError(
            f"--emit {kind}: the command of {kind}, but --engine is {shown(engine)}; leave one of them out"
        )
    return kind


def _launched(deployment: Deployment) -> tuple[str, tuple[str, ...]]:
    """The command that starts a deployment, and what it does not say."""
    from weighbridge.formats.plans.emit_serving import Launch, launch

    inference = deployment.inference
    entry = find(inference.model.name)
    served = entry.hugging_face if entry is not None and entry.hugging_face else inference.model.name
    sparse = any(node.together for node in inference.model.tree.walk())
    server = inference.cluster.gpus_per_node if inference.cluster else int(inference.serving.gpus)
    made = None if deployment.stored in (PUBLISHED, inference.serving.compute.name) else deployment.stored
    return launch(Launch(served, inference.serving, server, sparse, made))


def _lines(out: Output) -> tuple[str, ...]:
    return (out.line,) if out.line else LINES
