"""``weighbridge local MODEL --on DEVICE``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from weighbridge.cli.infer_options import renamed
from weighbridge.cli.options import (
    Whole,
    check_explained,
    check_forms,
    explain_options,
    json_option,
    load_model,
    model_argument,
    print_document,
    print_json,
    suggesting,
)
from weighbridge.errors import InputError, given
from weighbridge.formats.amounts import amount
from weighbridge.formats.gguf.recipes import RECIPES
from weighbridge.hardware.device import Device
from weighbridge.parallel.cache_types import LLAMACPP

if TYPE_CHECKING:
    from weighbridge.estimate.inference.local import Local

UNITS = {"": 1, "kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12}
LEAST_BYTES, MOST_BYTES = 2**20, 2.0**50
CALLED = {
    "context": "--context",
    "devices": "--on",
    "cluster": "--on",
    "ngl": "--ngl",
    "host_experts": "--n-cpu-moe",
    "tensor_split": "--tensor-split",
    "cache": "--kv",
    "gguf": "--gguf",
    "quantisation": "--quantisation",
}
"""What problems of a model on one's devices call its fields on the command line."""

LINES = ("weights", "cache", "buffers", "needed", "speed", "prompt")
"""What ``--explain`` explains: sizes of the file, of the cache and of buffers, what every device needs, tokens per
second after an empty and at the end of a full context, and those of a prompt."""

USUAL = "Q4_K_M,Q5_K_M,Q6_K,Q8_0,F16"

SETS = (USUAL, "Q2_K,Q3_K_M,Q4_K_M,Q5_K_M,Q6_K,Q8_0", "IQ2_XXS,IQ3_XXS,IQ4_XS,Q4_K_M", "MXFP4_MOE,Q4_0,Q8_0")
"""Quantisations that people choose between, from the smallest files to the largest but the last: of a model that was
trained in 4 bits."""


@dataclass(frozen=True)
class Output:
    """What is asked for of the output; attributes are options."""

    line: str | None
    quantisation: str | None
    explain: bool
    depth: int | None
    form: str
    as_json: bool

    @classmethod
    def of(cls, **options: Any) -> Output:
        """The options of the output.

        Raises:
            InputError: for options that would have no effect.
        """
        out = cls(**options)
        check_forms(out.explain, None, out.form, out.as_json, out.depth)
        check_explained(out.explain, out.line, out.depth)
        if out.quantisation is not None and not out.explain:
            raise InputError("--quantisation names what --explain explains; add --explain")
        return out


@click.command("local")
@model_argument
@click.option("--on", "devices", multiple=True, required=True, metavar="DEVICE", help="A device; again for each more.")
@suggesting(
    "--gguf",
    (*SETS, *RECIPES),
    default=USUAL,
    show_default=True,
    metavar="NAMES",
    help="Quantisations, by llama.cpp's names.",
)
@click.option("--context", type=Whole(1), default=8192, show_default=True, help="Positions of the cache.")
@click.option("--ngl", type=Whole(0), help="Layers on the devices; as many as fit by default.")
@click.option("--n-cpu-moe", type=Whole(0), default=0, help="First layers whose experts stay on the host.")
@click.option("--tensor-split", metavar="3,1", help="Shares of the devices; by their memory by default.")
@suggesting(
    "--ram",
    ("16GiB", "32GiB", "64GiB", "128GiB"),
    metavar="SIZE",
    help="Memory for layers that no device holds, such as 64GiB.",
)
@click.option("--cpu", metavar="NAME", help="The processor that runs those layers.")
@suggesting(
    "--disk",
    ("0.5GB/s", "3GB/s", "7GB/s"),
    metavar="RATE",
    help="What weights beyond memory are read at, such as 3GB/s.",
)
@suggesting(
    "--kv", LLAMACPP, default="fp16", show_default=True, metavar="TYPE", help="Of keys and values: fp16, q8_0, q4_0 ..."
)
@click.option("--line", type=click.Choice(LINES), help="What to explain; all by default.")
@click.option("--quantisation", metavar="NAME", help="Which of --gguf to explain; the one that fits best by default.")
@explain_options
@json_option
def command(
    model: str,
    changes: tuple[str, ...],
    devices: tuple[str, ...],
    gguf: str,
    context: int,
    ngl: int | None,
    n_cpu_moe: int,
    tensor_split: str | None,
    ram: str | None,
    cpu: str | None,
    disk: str | None,
    kv: str,
    **shown: Any,
) -> None:
    """Which quantisations of MODEL fit on one's own devices, and at what speed they make tokens (llama.cpp).

    Layers that the devices do not hold run on the processor, from memory; what memory does not hold comes from disk.
    """
    from weighbridge.estimate.inference.local import Host, local

    out = Output.of(**shown)
    names = [name.strip() for name in gguf.split(",") if name.strip()]
    if not names:
        raise InputError(f"--gguf: got {given(gguf)}; expected names such as {USUAL}")
    host = Host(
        None if cpu is None else _processor(cpu),
        None if ram is None else size("--ram", ram, "64GiB"),
        None if disk is None else float(size("--disk", disk.removesuffix("/s"), "3GB/s")),
    )
    loaded, shares = load_model(model, changes), _shares(tensor_split)
    try:
        found = local(
            loaded, devices, names, context, host=host, ngl=ngl, tensor_split=shares, host_experts=n_cpu_moe, cache=kv
        )
    except InputError as error:
        raise renamed(error, CALLED) from None
    _print(found, out)


def _print(found: Local, out: Output) -> None:
    """The answer in the form that is asked for."""
    from weighbridge.report import local as report
    from weighbridge.report import local_explained, local_schema

    lines = (out.line,) if out.line else LINES
    option = None
    if out.explain:
        try:
            option = local_explained.meant(found, out.quantisation)
        except InputError as error:
            raise renamed(error, CALLED) from None
    if out.as_json:
        more: Mapping[str, Any] = {} if option is None else local_explained.as_data(option, lines, out.depth)
        print_json({**local_schema.local(found), **more})
    elif option is not None:
        click.echo(local_explained.explained(found, option, lines, out.form, out.depth), nl=False)
    else:
        print_document(report.document(found), out.form)


def size(option: str, text: str, example: str) -> int:
    """Bytes as people write them: ``64GiB``, ``24GB``.

    Raises:
        InputError: for anything else, and for so little that the unit was forgotten.
    """
    match = re.fullmatch(r"([0-9.,]+)\s*([A-Za-z]*)", text.strip())
    found = 0
    if match is not None and match[2].lower() in UNITS:
        found = int(amount(match[1], option, 0, MOST_BYTES, "bytes", example) * UNITS[match[2].lower()])
    if found < LEAST_BYTES:
        raise InputError(f"{option}: got {given(text)}; expected a size from 1 MiB such as {example}")
    return found


def _processor(name: str) -> Device:
    """A processor that runs layers from memory.

    Raises:
        InputError: for one that is not known, and for another kind of device.
    """
    from weighbridge.estimate.inference.local.split import unified
    from weighbridge.formats.cluster import load_cluster

    device = load_cluster(name).device
    if not unified(device):
        raise InputError(f"--cpu: {name} is a {device.kind}; expected a processor such as core-i9-13900k")
    return device


def _shares(text: str | None) -> tuple[float, ...]:
    if text is None:
        return ()
    return tuple(amount(one, "--tensor-split", 0, 1e6, "shares", "3,1") for one in text.split(","))
