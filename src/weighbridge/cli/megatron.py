"""``weighbridge megatron -- ARGS``."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import click
from click.core import ParameterSource

from weighbridge.cli.options import count_option
from weighbridge.cli.weighing import Output, answer, output_options
from weighbridge.errors import InputError
from weighbridge.estimate.training import train
from weighbridge.formats.cluster import load_cluster
from weighbridge.hardware.cluster import Cluster

DEVICE = "H100"
"""What Megatron's arguments, which name no device, are taken to run on."""


@click.command("megatron", options_metavar="[OPTIONS] --")
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="ARGS")
@count_option("--world-size", None, "Ranks; goes before what the launcher and the environment say.")
@click.option("--cluster", default=DEVICE, show_default=True, help="H100, 64xH100 or a TOML file.")
@output_options
@click.pass_context
def command(
    context: click.Context, /, words: tuple[str, ...], world_size: int | None, cluster: str, **options: Any
) -> int:
    """The same as train, from Megatron-LM's own arguments: those of an unchanged launch command, torchrun and
    pretrain_gpt.py with them or without, or a YAML file of arguments. Options of this program stand before the --.
    """
    out = Output.taken_from(options, tree=True)
    if not words:
        raise InputError("ARGS: none given; write them after --, as in weighbridge megatron -- --num-layers 32 ...")
    from weighbridge.formats.megatron import load

    request = load(list(words), world_size)
    warnings = request.warnings
    if context.get_parameter_source("cluster") is ParameterSource.DEFAULT:
        warnings = (*warnings, f"no --cluster: {DEVICE} is assumed, whose libraries' workspaces count")
    machines = _machines(cluster, request.world_size)
    return answer(train(request.model, request.plan, machines), out, warnings)


def _machines(text: str, ranks: int) -> Cluster:
    """The cluster; of one that names a device only, as many as there are ranks."""
    found = load_cluster(text)
    if found.gpus > 1 or ranks == 1:
        return found
    return replace(found, gpus=ranks, gpus_per_node=min(ranks, found.device.gpus_per_node))
