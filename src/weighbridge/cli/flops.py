"""``weighbridge flops MODEL``."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import click

from weighbridge.cli.options import (
    check_forms,
    count_option,
    explain_options,
    json_option,
    load_model,
    model_argument,
    print_document,
    print_explanation,
    print_json,
)
from weighbridge.errors import InputError
from weighbridge.estimate.compute import (
    EXACT,
    PER_OPERATION,
    FlopReport,
    attention_kernels,
    check_length,
    forward_pass,
    usual_length,
)
from weighbridge.estimate.conventions import CONVENTIONS
from weighbridge.estimate.generation import Generation, generate
from weighbridge.estimate.parameters import params
from weighbridge.report.document import Document
from weighbridge.tape import Pass


@click.command("flops")
@model_argument
@count_option("--seq", None, "Tokens per sequence, or of the prompt; 4096, or what learned positions allow.")
@count_option("--batch", 1, "Sequences.")
@count_option("--decode", None, "Generate so many tokens after the prompt, with a cache.")
@click.option("--causal/--no-causal", default=True, help="Leave out masked query-key pairs (exact), or count all.")
@click.option("--convention", type=click.Choice(CONVENTIONS), default="exact", show_default=True, help="What counts.")
@click.option("--attention", type=click.Choice(["eager", "flash"]), default="eager", help="Kernel, for torch.")
@click.option("--mtp", is_flag=True, help="Run the multi-token prediction modules too.")
@click.option("--quantity", type=click.Choice(["forward", "backward", "training"]), help="The figure to explain.")
@explain_options
@json_option
def command(
    model: str,
    changes: tuple[str, ...],
    seq: int | None,
    batch: int,
    decode: int | None,
    causal: bool,
    convention: str,
    attention: str,
    mtp: bool,
    quantity: str | None,
    explain: bool,
    depth: int | None,
    form: str,
    as_json: bool,
) -> None:
    """Floating-point operations of MODEL: a training step, or a prompt and the tokens generated after it."""
    check_forms(explain, quantity, form, as_json, depth)
    _check(convention, attention, decode, explain, mtp, quantity)
    loaded = load_model(model, changes)
    if mtp and not params(loaded).prediction:
        raise InputError(f"--mtp: {loaded.name} has no multi-token prediction")
    seq = seq or usual_length(loaded, decode or 0)
    check_length(loaded, seq + (decode or 0))
    kernels = attention_kernels(attention == "flash")
    work = replace(forward_pass(seq, batch, causal, prediction=mtp), kernels=kernels)
    report = FlopReport(loaded, work, convention if convention in PER_OPERATION else EXACT)
    generated = generate(loaded, seq, decode, batch, causal, convention) if decode else None
    figures = [report.explained(quantity or "forward")] if explain and not generated else []
    if explain and generated:
        figures = [generated.prefill.explained(), generated.decode.explained()]
    if as_json:
        _print_json(report, work, convention, generated, figures, depth)
    elif explain:
        print_explanation(figures, form, depth)
    else:
        print_document(_document(report, convention, generated, depth or 2), form)


def _check(convention: str, attention: str, decode: int | None, explain: bool, mtp: bool, quantity: str | None) -> None:
    """Refuse options that do not go together.

    Raises:
        InputError: naming them.
    """
    if convention not in PER_OPERATION and (decode or explain):
        allowed = ", ".join(PER_OPERATION)
        raise InputError(f"--convention {convention} counts whole training steps only; allowed: {allowed}")
    if attention == "flash" and (convention != "torch" or decode):
        raise InputError("--attention flash makes a difference to training under --convention torch alone")
    if decode and (mtp or quantity not in (None, "forward")):
        raise InputError("--decode counts forward passes of the main model; leave out --mtp and --quantity")


def _document(report: FlopReport, convention: str, generated: Generation | None, depth: int) -> Document:
    from weighbridge.report import tables

    if generated:
        return tables.generation(generated, depth)
    if convention in PER_OPERATION:
        return tables.compute(report, depth)
    return tables.closed(report, convention)


def _print_json(
    report: FlopReport, work: Pass, convention: str, generated: Generation | None, figures: list[Any], depth: int | None
) -> None:
    from weighbridge.report import explanation, schema

    counted = report if convention in PER_OPERATION else None
    data: dict[str, Any] = dict(schema.compute(counted, report.model, work, convention, generated))
    if figures:
        data["explanation"] = [step for figure in figures for step in explanation.as_dict(figure, depth)]
    print_json(data)
