"""``weighbridge train MODEL --cluster CLUSTER``."""

from __future__ import annotations

from typing import Any

import click

from weighbridge.cli.options import load_model, model_argument
from weighbridge.cli.plan_options import plan_of, plan_options
from weighbridge.cli.weighing import Output, answer, output_options
from weighbridge.errors import InputError
from weighbridge.estimate.compute import check_length, usual_length
from weighbridge.estimate.training import Training, train
from weighbridge.formats.cluster import load_cluster
from weighbridge.parallel.recompute import MODULES


@click.command("train")
@model_argument
@click.option("--cluster", required=True, help="8xH100, 2x8xH100 (servers x GPUs), or a TOML file.")
@plan_options
@output_options
def command(model: str, changes: tuple[str, ...], cluster: str, **options: Any) -> int:
    """Memory of every pipeline stage in training: what it consists of, its peak, whether it fits, what would help."""
    out = Output.taken_from(options, tree=False)
    machines = load_cluster(cluster)
    loaded = load_model(model, changes)
    predictions = sum(node.times for node in loaded.network.node().children if node.apart)
    plan = plan_of(options, machines.gpus, usual_length(loaded), int(predictions))
    check_length(loaded, plan.sequence)
    training = train(loaded, plan, machines)
    check_parts(training, options["etp"])
    return answer(training, out)


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
