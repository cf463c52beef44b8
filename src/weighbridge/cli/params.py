"""``weighbridge params MODEL``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from weighbridge.cli.options import (
    check_forms,
    explain_options,
    json_option,
    load_settings,
    model_argument,
    print_document,
    print_explanation,
    print_json,
)
from weighbridge.cli.writing import OutFile, write
from weighbridge.errors import InputError, given
from weighbridge.estimate.parameters import QUANTITIES, ParameterReport, made, params
from weighbridge.formats.weights.opening import Opened, opened
from weighbridge.models import Model
from weighbridge.tree import Kind


@click.command("params")
@model_argument
@click.option("--dtype", help="Data type of the weights; by default the configuration's, else bf16.")
@click.option("--router-dtype", help="Data type of router weights; by default that of the others.")
@click.option(
    "--headers", is_flag=True, help="Read the headers of a Hugging Face repository's weights, never the weights."
)
@click.option("--gguf", metavar="RECIPE", help="The file that llama.cpp's quantiser makes, such as Q4_K_M.")
@click.option("--imatrix", is_flag=True, help="With --gguf: it is given an importance matrix.")
@click.option(
    "--quantity",
    metavar="NAME",
    help=f"The figure to explain: {', '.join(QUANTITIES)}, kind KIND, each PATH, all PATH; the total by default.",
)
@click.option("--draw", type=OutFile(), metavar="OUT.svg", help="Draw its layers, and what runs in each kind.")
@explain_options
@json_option
def command(
    model: str,
    changes: tuple[str, ...],
    dtype: str | None,
    router_dtype: str | None,
    headers: bool,
    gguf: str | None,
    imatrix: bool,
    quantity: str | None,
    draw: Path | None,
    explain: bool,
    depth: int | None,
    form: str,
    as_json: bool,
) -> None:
    """Parameters of MODEL: total, active per token, by module and kind, and their bytes.

    MODEL may also be weights, of which headers alone are read: a .safetensors or .gguf file, a folder of them, or
    organisation/name:Q4_K_M for a GGUF file of a Hugging Face repository.
    """
    check_forms(explain, quantity, form, as_json, depth)
    _check_gguf(gguf, imatrix, dtype, headers)
    found = opened(model, load_settings(changes), headers)
    if found.model is None:
        asked = explain or any(option is not None for option in (gguf, dtype, router_dtype, draw))
        _alone(found, asked, form, as_json)
        return
    report = _report(found, gguf, imatrix, dtype, router_dtype)
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


def _check_gguf(gguf: str | None, imatrix: bool, dtype: str | None, headers: bool) -> None:
    if imatrix and gguf is None:
        raise InputError("--imatrix is about the file that --gguf makes; add --gguf")
    if gguf is not None and (dtype is not None or headers):
        other = "--dtype" if dtype is not None else "--headers"
        raise InputError(f"--gguf and {other} both say how weights are stored; choose one")


def _report(
    found: Opened, gguf: str | None, imatrix: bool, dtype: str | None, router_dtype: str | None
) -> ParameterReport:
    """The report of a model, with what its weights' headers say or what a recipe makes of it."""
    assert found.model is not None
    if gguf is not None:
        model, weights = made(found.model, gguf, imatrix)
        return replace(params(model, None, router_dtype), weights=weights)
    report = params(found.model, dtype, router_dtype)
    if found.weights is None:
        return report
    from weighbridge.estimate.weights import WeightsReport

    return replace(report, weights=WeightsReport(found.weights, found.model))


def _alone(found: Opened, architecture: bool, form: str, as_json: bool) -> None:
    """Print what headers say of weights whose architecture is not known.

    Raises:
        InputError: where the architecture was asked for.
    """
    from weighbridge.estimate.weights import WeightsReport

    assert found.weights is not None
    if architecture:
        raise InputError(
            f"{found.weights.name}: {found.why}; --explain, --dtype, --gguf and --draw need an architecture"
        )
    report = WeightsReport(found.weights, None, found.why)
    if as_json:
        from weighbridge.report.weights_schema import weights_alone

        print_json(weights_alone(report))
        return
    from weighbridge.report.weights import weights

    print_document(weights(report), form)


def _draw(path: Path, model: Model) -> None:
    """Write the picture of a model.

    Raises:
        InputError: for a path that cannot be written, or a picture of another form.
    """
    if path.suffix.lower() != ".svg":
        raise InputError(f"--draw: got {given(path.name)}; it is written as .svg")
    from weighbridge.report.block import drawing

    write("--draw", path, drawing(model).encode())
