"""``weighbridge megatron -- ARGS``."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import click
from click.core import ParameterSource

from weighbridge.cli.options import Once, count_option
from weighbridge.cli.weighing import Output, answer, output_options
from weighbridge.errors import InputError
from weighbridge.estimate.training import train
from weighbridge.formats.cluster import load_cluster
from weighbridge.hardware.cluster import Cluster

EXAMPLE = "weighbridge megatron -- --num-layers 32 ..."

CALLED = {
    "gpus": "--world-size",
    "tensor": "--tensor-model-parallel-size",
    "pipeline": "--pipeline-model-parallel-size",
    "stages": "--pipeline-model-parallel-size",
    "virtual": "--num-virtual-stages-per-pipeline-rank",
    "chunks": "--num-virtual-stages-per-pipeline-rank",
    "layout": "--pipeline-model-parallel-layout",
    "context": "--context-parallel-size",
    "expert": "--expert-model-parallel-size",
    "expert_tensor": "--expert-tensor-parallel-size",
    "sequence_parallel": "--sequence-parallel",
    "micro_batch": "--micro-batch-size",
    "micro_batches": "--global-batch-size (micro-batches of a rank)",
    "global_batch": "--global-batch-size",
    "group": "--microbatch-group-size-per-virtual-pipeline-stage",
    "sequence": "--seq-length",
    "zero": "--data-parallel-sharding-strategy",
    "precision": "--bf16, --fp16 or --fp8-recipe",
    "replicas": "--num-distributed-optimizer-instances",
    "recompute": "--recompute-modules",
    "recompute_layers": "--recompute-num-layers",
    "offload_optimizer": "--optimizer-offload-fraction",
    "offload_activations": "--offload-modules",
    "offload_layers": "--cpu-offloading-num-layers",
    "optimizer": "--optimizer",
    "imbalance": "--moe-expert-capacity-factor",
}
"""What problems of a plan call its fields: by Megatron-LM's arguments."""

DEVICE = "H100"
"""What Megatron's arguments, which name no device, are taken to run on."""


class Behind(Once):
    """A command whose words stand behind ``--``; where it was forgotten, that is what the error says."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        split = "--" in args
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            if split:
                raise
            text = f"{error.format_message().rstrip('.')}; Megatron-LM's own arguments go after --, as in {EXAMPLE}"
            raise click.UsageError(text, ctx) from None


@click.command("megatron", cls=Behind, options_metavar="[OPTIONS] --")
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
        raise InputError(f"ARGS: none given; write them after --, as in {EXAMPLE}")
    from weighbridge.formats.megatron import load

    named = load_cluster(cluster)
    stated = named.gpus > 1 or re.match(r"\d+x", cluster) is not None
    request = load(list(words), world_size, cluster_gpus=named.gpus if stated else None)
    warnings = request.warnings
    if context.get_parameter_source("cluster") is ParameterSource.DEFAULT:
        warnings = (*warnings, f"no --cluster: {DEVICE} is assumed, whose speeds and libraries' workspaces count")
    machines = named if stated else _machines(named, request.world_size)
    return answer(train(request.model, request.plan, machines, names=CALLED), out, warnings)


def _machines(found: Cluster, ranks: int) -> Cluster:
    """Of a cluster that names a device only, as many as there are ranks."""
    return replace(found, gpus=ranks, gpus_per_node=min(ranks, found.device.gpus_per_node))
