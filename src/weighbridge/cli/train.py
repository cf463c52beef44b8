"""``weighbridge train MODEL --cluster CLUSTER``."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from weighbridge.cli.options import Once, load_model, model_argument
from weighbridge.cli.plan_making import Around, idle, plan_from, plan_of
from weighbridge.cli.plan_options import CALLED, plan_options
from weighbridge.cli.tuning_options import Asked, tuning_options
from weighbridge.cli.weighing import Output, answer, output_options
from weighbridge.errors import InputError, shown
from weighbridge.estimate.compute import usual_length
from weighbridge.estimate.training import train
from weighbridge.formats.cluster import load_cluster
from weighbridge.hardware.device import Device

FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("train", cls=Once)
@partial(model_argument, required=False)
@click.option("--cluster", required=True, help="8xH100, 2x8xH100 (servers x GPUs), or a TOML file.")
@click.option("--from", "file", type=FILE, metavar="FILE", help="Read the plan of DeepSpeed, torchtitan or Trainer.")
@plan_options
@tuning_options
@output_options
@click.pass_context
def command(
    context: click.Context,
    /,
    model: str | None,
    changes: tuple[str, ...],
    cluster: str,
    file: Path | None,
    **options: Any,
) -> int:
    """Memory of every pipeline stage in training: what it consists of, its peak, whether it fits, what would help.

    With --from, options that are given go before what the file says (a DeepSpeed JSON, a torchtitan TOML, or a JSON of
    transformers' TrainingArguments), and MODEL may be left out where the file names it.
    """
    out, asked = Output.taken_from(options, tree=False), Asked.taken_from(options)
    machines = load_cluster(cluster)
    loaded = load_model(model or named_in(file, machines.gpus), changes)
    predictions = sum(node.times for node in loaded.tree.children if node.apart)
    around = Around(machines.gpus, usual_length(loaded), int(predictions))
    warnings: tuple[str, ...] = ()
    names: Mapping[str, str] = CALLED
    halves: tuple[str, ...] = ()
    if file is None:
        halves = in_halves(options, machines.device, adapted=asked.lora is not None)
        plan = plan_of(options, around)
    else:
        given = (name for name in options if context.get_parameter_source(name) is ParameterSource.COMMANDLINE)
        read = plan_from(file, options, frozenset(given), loaded, around)
        plan, warnings, names = read.plan, read.warnings, read.names
    loaded = asked.tuned(loaded, plan.framework.name)
    reference = asked.reference and asked.lora is None
    training = train(loaded, plan, machines, names, reference, asked.epoch(plan.sequence, out.asked.price))
    alone = ("--reference: adds nothing under --lora: with adapters switched off the model is its own reference",)
    idles = (*idle(options, plan, loaded), *(alone if asked.reference and asked.lora else ()))
    return answer(training, out, (*halves, *warnings, *idles))


def in_halves(options: dict[str, Any], device: Device, adapted: bool) -> tuple[str, ...]:
    """Set a precision of fp16 where nobody asks for one and the device has no other type of 16 bits: weights in fp32,
    cast for every multiply; under adapters in fp16 (torch.autocast; PEFT).

    Returns:
        What to say of it.
    """
    if options["precision"] is not None or device.half == "bf16":
        return ()
    options["precision"] = "pure-fp16" if adapted else "fp16"
    return (f"{options['precision']} (--precision): {device.title} does not multiply in bf16",)


def named_in(file: Path | None, gpus: int) -> str:
    """The model that a file of a plan names.

    Raises:
        InputError: where there is no file, or it names none.
    """
    if file is None:
        raise InputError("Missing argument 'MODEL'.")
    from weighbridge.formats.plans import load_plan

    found = load_plan(file, gpus).model
    if found is None:
        raise InputError(f"{shown(str(file))} names no model; add MODEL")
    return found
