"""``weighbridge flops MODEL``."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import click

from weighbridge.cli.options import (
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
from weighbridge.estimate.compute import PER_OPERATION, FlopReport, check_length, forward_pass, usual_length
from weighbridge.estimate.conventions import CONVENTIONS


@click.command("flops")
@model_argument
@count_option("--seq", None, "Tokens per sequence, or of the prompt; 4096, or what learned positions allow.")
@count_option("--batch", 1, "Sequences.")
@count_option("--decode", None, "Generate so many tokens after the prompt, with a cache.")
@click.option("--causal/--no-causal", default=True, help="Leave out masked query-key pairs (exact), or count all.")
@click.option("--convention", type=click.Choice(CONVENTIONS), default="exact", show_default=True, help="What counts.")
@click.option("--attention", type=click.Choice(["eager", "flash"]), default="eager", help="Kernel, for torch.")
@click.option("--mtp", is_flag=True, help="Run the multi-token prediction modules too.")
@click.option("--quantity", type=click.Choice(["forward", "backward", "training"]), default="forward")
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
    quantity: str,
    explain: bool,
    depth: int | None,
    form: str,
    as_json: bool,
) -> None:
    """Floating-point operations of MODEL: a training step, or a prompt and the tokens generated after it."""
    loaded = load_model(model, changes)
    seq = seq or usual_length(loaded, decode or 0)
    check_length(loaded, seq + (decode or 0))
    if decode and (mtp or quantity != "forward"):
        raise InputError("--decode counts forward passes of the main model; leave out --mtp and --quantity")
    work = replace(forward_pass(seq, batch, causal, prediction=mtp), flash=attention == "flash")
    by_module = convention in PER_OPERATION
    if not by_module and (decode or explain):
        raise InputError(
            f"--convention {convention} counts whole training steps only; allowed: {', '.join(PER_OPERATION)}"
        )
    report = FlopReport(loaded, work, convention if by_module else "exact")
    generated = _generated(loaded, seq, decode, batch, causal, convention)
    if as_json:
        from weighbridge.report import explanation, schema

        data: dict[str, Any] = dict(schema.compute(report if by_module else None, loaded, work, convention, generated))
        if explain:
            data["explanation"] = explanation.as_dict(
                (generated.decode if generated else report).explained(quantity), depth
            )
        print_json(data)
    elif explain:
        print_explanation((generated.decode if generated else report).explained(quantity), form, depth)
    else:
        from weighbridge.report import tables

        if generated:
            print_document(tables.generation(generated, depth or 2), form)
        elif by_module:
            print_document(tables.compute(report, depth or 2), form)
        else:
            print_document(tables.closed(report, convention), form)


def _generated(model: Any, seq: int, decode: int | None, batch: int, causal: bool, convention: str) -> Any:
    from weighbridge.estimate.generation import generate

    return generate(model, seq, decode, batch, causal, convention) if decode else None
