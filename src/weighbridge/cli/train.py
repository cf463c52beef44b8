"""``weighbridge train MODEL --cluster CLUSTER``."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from weighbridge.cli.options import load_model, model_argument
from weighbridge.cli.plan_options import CALLED, Around, plan_from, plan_of, plan_options
from weighbridge.cli.weighing import Output, answer, output_options
from weighbridge.errors import InputError, shown
from weighbridge.estimate.compute import usual_length
from weighbridge.estimate.training import Training, train
from weighbridge.formats.cluster import load_cluster
from weighbridge.parallel.recompute import MODULES

FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("train")
@partial(model_argument, required=False)
@click.option("--cluster", required=True, help="8xH100, 2x8xH100 (servers x GPUs), or a TOML file.")
@click.option("--from", "file", type=FILE, metavar="FILE", help="Read the plan of DeepSpeed, torchtitan or Trainer.")
@plan_options
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
    out = Output.taken_from(options, tree=False)
    machines = load_cluster(cluster)
    loaded = load_model(model or named_in(file, machines.gpus), changes)
    predictions = sum(node.times for node in loaded.tree.children if node.apart)
    around = Around(machines.gpus, usual_length(loaded), int(predictions))
    warnings: tuple[str, ...] = ()
    if file is None:
        plan = plan_of(options, around)
    else:
        said = {name for name in options if context.get_parameter_source(name) is ParameterSource.COMMANDLINE}
        read = plan_from(file, options, said, loaded, around)
        plan, warnings = read.plan, read.warnings
    training = train(loaded, plan, machines, names=CALLED)
    check_parts(training, options["etp"])
    return answer(training, out, warnings)


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


def check_parts(training: Training, expert_tensor: int | None) -> None:
    """Refuse options for parts that a model does not have.

    Raises:
        InputError: naming them.
    """
    plan, name = training.plan, training.model.name
    if (plan.expert > 1 or expert_tensor) and not any(node.together for node in training.tree.walk()):
        raise InputError(f"--ep, --etp: {name} has no experts to spread")
    there = {segment.name for segment in training.tape.segments}
    for module in plan.recompute.modules:
        if not there & set(MODULES[module]):
            known = ", ".join(known for known, inside in MODULES.items() if there & set(inside))
            raise InputError(f"--recompute: {name} has no {module} to recompute; it has {known}")
