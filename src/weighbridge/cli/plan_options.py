"""Options that say how a training step is laid out."""

from __future__ import annotations

from typing import Any

import click

from weighbridge.cli.options import F, Share, Whole, count_option, suggesting
from weighbridge.kernels import Attention, Exchange, Loss
from weighbridge.parallel.degrees import TRAINING
from weighbridge.parallel.execution import BESIDE, GRAPHS, OVERLAPPED, OVERLAPS
from weighbridge.parallel.framework import FRAMEWORKS
from weighbridge.parallel.names import PRECISIONS, RECOMPUTED
from weighbridge.parallel.optimizer import OPTIMIZERS
from weighbridge.parallel.problems import AWAY
from weighbridge.parallel.recompute import MODULES
from weighbridge.parallel.schedule import Schedule

ATTENTION = [kernel.value for kernel in Attention if kernel is not Attention.PLAIN]
"""Names that ``--attention`` takes."""

LOSSES = [loss.value.replace(" ", "-") for loss in Loss if loss is not Loss.NONE]
"""Names that ``--loss`` takes."""

CONTEXT = ("p2p", "all-gather", "a2a")
"""Names that ``--cp-comm`` takes."""

TYPES = ("fp32", "bf16", "fp16")


def plan_options(function: F) -> F:
    """Every option of the plan, in the order in which help lists them."""
    for option in reversed(_sizes() + _choices() + _types() + _overlaps()):
        function = option(function)
    return function


def _sizes() -> list[Any]:
    return [
        count_option("--gpus", None, "Ranks of the training run; all GPUs of the cluster by default."),
        count_option("--tp", 1, "Tensor parallel size."),
        count_option("--pp", 1, "Pipeline parallel size."),
        count_option("--vp", 1, "Virtual pipeline size: chunks of the model per rank."),
        click.option("--layout", metavar="3,4*14,2", help="Layers of every virtual stage; even by default."),
        count_option("--cp", 1, "Context parallel size."),
        count_option("--ep", 1, "Expert parallel size."),
        count_option("--etp", None, "Expert-tensor parallel size; the tensor parallel size by default."),
        click.option("--sp/--no-sp", default=None, help="Sequence parallelism; torchtitan's default, else off."),
        count_option("--micro-batch", 1, "Sequences of one rank and one forward pass."),
        count_option("--global-batch", None, "Sequences of a step; by default one micro-batch per rank and stage."),
        count_option("--seq", None, "Tokens per sequence; 4096, or what learned positions allow."),
    ]


def _choices() -> list[Any]:
    schedules = click.Choice([schedule.value for schedule in Schedule])
    kinds, known = ", ".join(MODULES), ", ".join(OPTIMIZERS)
    exchanges = click.Choice([exchange.value for exchange in Exchange])
    return [
        click.option("--framework", type=click.Choice(list(FRAMEWORKS)), default="megatron", help="Whose kernels run."),
        click.option("--schedule", type=schedules, help="Pipeline schedule; 1f1b, or interleaved with --vp."),
        click.option("--zero", type=Whole(0, 3), help="ZeRO stage; by default the framework's."),
        suggesting(
            "--optimizer", OPTIMIZERS, default="adam", show_default=True, help=f"{known}, or states: m=fp32,v=bf16."
        ),
        suggesting(
            "--recompute",
            (*RECOMPUTED, *(f"selective:{name}" for name in MODULES)),
            default="none",
            help=f"none, full, per-op, selective, selective:NAMES of {kinds}.",
        ),
        count_option("--recompute-layers", None, "With full: layers of a group, or of a chunk (block)."),
        click.option("--recompute-method", type=click.Choice(["uniform", "block"]), help="With full; uniform."),
        click.option("--offload-optimizer", type=Share(0, 1), metavar="SHARE", help="Of its states, on the host."),
        click.option("--offload-weights", is_flag=True, help="Sharded weights stand on the host between uses."),
        suggesting(
            "--offload-activations", AWAY, metavar="NAMES", help=f"Kept tensors on the host: {', '.join(AWAY)}."
        ),
        count_option("--offload-layers", None, "Layers, from the first, whose kept tensors all go to the host."),
        count_option("--replicas", None, "Groups that each hold everything (HSDP, distributed-optimizer instances)."),
        click.option("--reshard/--no-reshard", default=None, help="Free gathered weights until the backward pass."),
        click.option("--attention", type=click.Choice(ATTENTION), help="Kernel; by default the framework's."),
        click.option("--loss", type=click.Choice(LOSSES), help="Cross-entropy; by default the framework's."),
        click.option("--dropout/--no-dropout", default=None, help="Of attention and of hidden states."),
        click.option("--cp-comm", type=click.Choice(CONTEXT), help="How context parallel ranks share attention."),
        click.option("--dispatcher", type=exchanges, help="How tokens reach the ranks of their experts."),
        click.option("--imbalance", type=Share(1, 1000), help="Tokens of the fullest experts over mean."),
        click.option(
            "--capacity-factor", type=Share(0.01, 1000), help="Experts take so many times the mean of tokens."
        ),
    ]


def _types() -> list[Any]:
    main = click.Choice([*TYPES, "none"])
    return [
        click.option("--precision", type=click.Choice(PRECISIONS), help="Data types; by default the framework's."),
        click.option("--fp8-parameters", is_flag=True, help="Weights are stored and gathered in the recipe's bits."),
        click.option("--gradients", type=click.Choice(TYPES), help="What gradients gather in."),
        click.option("--main-parameters", type=main, help="The optimizer's own copy of the weights."),
        click.option("--states", metavar="TYPES", help="Of the optimizer, in order: bf16, or fp32,bf16."),
    ]


def _overlaps() -> list[Any]:
    several = f"Communication beside computing: none, or of {', '.join(BESIDE)}."
    usual = ",".join(name for name, switch in OVERLAPS.items() if getattr(OVERLAPPED, switch))
    graphs = f"Launched as CUDA graphs: of {', '.join(GRAPHS)}."
    return [
        suggesting("--overlap", ("none", *BESIDE, usual), metavar="NAMES", help=several),
        suggesting("--cuda-graphs", GRAPHS, metavar="NAMES", help=graphs),
    ]


FIELDS = {
    **TRAINING,
    "layout": "layout",
    "etp": "expert_tensor",
    "sp": "sequence_parallel",
    "micro_batch": "micro_batch",
    "global_batch": "global_batch",
    "seq": "sequence",
    "framework": "framework",
    "schedule": "schedule",
    "zero": "zero",
    "optimizer": "optimizer",
    "recompute": "recompute",
    "recompute_layers": "recompute",
    "recompute_method": "recompute",
    "offload_optimizer": "offload",
    "offload_weights": "offload",
    "offload_activations": "offload",
    "offload_layers": "offload",
    "replicas": "zero",
    "reshard": "zero",
    "attention": "kernels",
    "loss": "kernels",
    "dropout": "kernels",
    "cp_comm": "kernels",
    "dispatcher": "kernels",
    "imbalance": "imbalance",
    "capacity_factor": "imbalance",
    "precision": "precision",
    "fp8_parameters": "precision",
    "gradients": "precision",
    "main_parameters": "precision",
    "states": "optimizer",
    "overlap": "execution",
    "cuda_graphs": "execution",
}
"""The field of a plan that each option sets."""

CALLED = {
    **{field: f"--{name.replace('_', '-')}" for name, field in reversed(FIELDS.items())},
    "gpus": "--gpus",
    "replicas": "--replicas",
    "recompute_layers": "--recompute-layers",
    "offload_weights": "--offload-weights",
    "offload_activations": "--offload-activations",
    "offload_layers": "--offload-layers",
    "loss": "--loss",
    "quant": "--quant",
    "lora": "--lora",
    "stages": "--pp",
    "chunks": "--vp",
    "micro_batches": "--global-batch (micro-batches of a rank)",
}
"""What problems of a plan call its fields on the command line."""
