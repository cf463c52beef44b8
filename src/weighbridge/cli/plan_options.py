"""Options that say how a training step is laid out, and the plan that they make."""

from __future__ import annotations

import re
from collections.abc import Collection, Container
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from weighbridge.cli.options import F, Share, count_option
from weighbridge.errors import InputError, did_you_mean, given
from weighbridge.kernels import Attention, Kernels, Loss
from weighbridge.parallel.framework import FRAMEWORKS, Framework, framework
from weighbridge.parallel.layout import Layout, placed
from weighbridge.parallel.optimizer import OPTIMIZERS, optimizer
from weighbridge.parallel.plan import Offload, Plan
from weighbridge.parallel.precision import Precision, Recipe, pure, single
from weighbridge.parallel.recompute import LAYERS as OF_LAYERS
from weighbridge.parallel.recompute import MODULES, OFFLOADED, PER_OPERATION, Method, Recompute
from weighbridge.parallel.schedule import Schedule

if TYPE_CHECKING:
    from weighbridge.formats.plans import Loaded
    from weighbridge.models import Model

RECIPES = {("fp8-" + recipe if len(recipe) > 5 else recipe.value): recipe for recipe in Recipe}
"""Names of recipes of Transformer Engine: fp8-delayed, fp8-tensorwise, fp8-blockwise, mxfp8, nvfp4."""

ATTENTION = [kernel.value for kernel in Attention if kernel is not Attention.PLAIN]
"""Names that ``--attention`` takes."""

LOSSES = [loss.value.replace(" ", "-") for loss in Loss if loss is not Loss.NONE]
"""Names that ``--loss`` takes."""

AWAY = (*OFFLOADED, OF_LAYERS)
"""Names that ``--offload-activations`` takes."""

PRECISIONS = ("bf16", "fp16", "fp32", "pure-bf16", "pure-fp16", *RECIPES)
"""Names that ``--precision`` takes."""


def plan_options(function: F) -> F:
    """Every option of the plan, in the order in which help lists them."""
    for option in reversed(_sizes() + _choices()):
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
    offload = Share(0, 1)
    kinds, known = ", ".join(MODULES), ", ".join(OPTIMIZERS)
    return [
        click.option("--framework", type=click.Choice(list(FRAMEWORKS)), default="megatron", help="Whose kernels run."),
        click.option("--schedule", type=schedules, help="Pipeline schedule; 1f1b, or interleaved with --vp."),
        click.option("--zero", type=click.IntRange(0, 3), help="ZeRO stage; by default the framework's."),
        click.option("--precision", type=click.Choice(PRECISIONS), help="Data types; by default the framework's."),
        click.option("--optimizer", default="adam", show_default=True, help=f"{known}, or states: m=fp32,v=bf16."),
        click.option("--recompute", default="none", help=f"none, full, per-op, selective, selective:NAMES of {kinds}."),
        count_option("--recompute-layers", None, "With full: layers of a group, or of a chunk (block)."),
        click.option("--recompute-method", type=click.Choice(["uniform", "block"]), help="With full; uniform."),
        click.option("--offload-optimizer", type=offload, metavar="SHARE", help="Of its states, on the host: 0 to 1."),
        click.option("--offload-weights", is_flag=True, help="Sharded weights stand on the host between uses."),
        click.option("--offload-activations", metavar="NAMES", help=f"Kept tensors on the host: {', '.join(AWAY)}."),
        count_option("--replicas", 1, "Groups that each hold everything (HSDP, distributed-optimizer instances)."),
        click.option("--reshard/--no-reshard", default=True, help="Free gathered weights until the backward pass."),
        click.option("--attention", type=click.Choice(ATTENTION), help="Kernel; by default the framework's."),
        click.option("--loss", type=click.Choice(LOSSES), help="Cross-entropy; by default the framework's."),
        click.option("--dropout/--no-dropout", default=False, help="Of attention and of hidden states."),
        click.option("--imbalance", type=Share(1, 1000), help="Tokens of the fullest experts over mean."),
    ]


FIELDS = {
    "tp": "tensor",
    "pp": "pipeline",
    "vp": "virtual",
    "layout": "layout",
    "cp": "context",
    "ep": "expert",
    "etp": "expert_tensor",
    "sp": "sequence_parallel",
    "micro_batch": "micro_batch",
    "global_batch": "global_batch",
    "seq": "sequence",
    "framework": "framework",
    "schedule": "schedule",
    "zero": "zero",
    "precision": "precision",
    "optimizer": "optimizer",
    "recompute": "recompute",
    "recompute_layers": "recompute",
    "recompute_method": "recompute",
    "offload_optimizer": "offload",
    "offload_weights": "offload",
    "offload_activations": "offload",
    "replicas": "zero",
    "reshard": "zero",
    "attention": "kernels",
    "loss": "kernels",
    "dropout": "kernels",
    "imbalance": "imbalance",
}
"""The field of a plan that each option sets."""

CALLED = {
    **{field: f"--{name.replace('_', '-')}" for name, field in reversed(FIELDS.items())},
    "gpus": "--gpus",
    "replicas": "--replicas",
    "recompute_layers": "--recompute-layers",
    "offload_weights": "--offload-weights",
    "offload_activations": "--offload-activations",
    "loss": "--loss",
    "stages": "--pp",
    "chunks": "--vp",
    "micro_batches": "--global-batch (micro-batches of a rank)",
}
"""What problems of a plan call its fields on the command line."""

OF_FRAMEWORK = ("zero", "precision", "kernels")
"""Fields whose options mean what the framework makes of them."""


@dataclass(frozen=True)
class Around:
    """What the plan is for.

    Attributes:
        gpus: of the cluster, where ``--gpus`` does not say otherwise.
        sequence: tokens per sequence, where ``--seq`` does not say.
        prediction: multi-token prediction layers of the model.
    """

    gpus: int
    sequence: int
    prediction: int


def plan_of(options: dict[str, Any], around: Around) -> Plan:
    """The plan of the command line's options.

    Raises:
        InputError: for names that are none and options that do not go together.
    """
    chosen = framework(options["framework"])
    fields = {name: value for name, value in fields_of(options, chosen, around).items() if name != "framework"}
    if options["sp"] is None:
        fields["sequence_parallel"] = chosen.splits_sequence and options["tp"] > 1
    return Plan.under(chosen.name, gpus=options["gpus"] or around.gpus, **fields)


def fields_of(options: dict[str, Any], chosen: Framework, around: Around) -> dict[str, Any]:
    """Fields of the plan by the options that set them."""
    zero = chosen.zero if options["zero"] is None else chosen.spread(options["zero"])
    zero = replace(zero, instances=options["replicas"], reshard=zero.reshard and options["reshard"])
    same = {name: options[name] for name in ("micro_batch", "global_batch")}
    sizes = {FIELDS[name]: options[name] for name in ("tp", "pp", "vp", "cp", "ep", "etp", "sp")}
    return same | {
        **sizes,
        "layout": layout_of(options["layout"], around.prediction) if options["layout"] else None,
        "sequence": options["seq"] or around.sequence,
        "framework": chosen,
        "schedule": Schedule(options["schedule"]) if options["schedule"] else None,
        "zero": zero,
        "precision": precision_of(options["precision"], chosen, zero.stage),
        "optimizer": optimizer(options["optimizer"]),
        "recompute": recompute_of(options["recompute"], options["recompute_method"], options["recompute_layers"]),
        "offload": Offload(
            options["offload_optimizer"] or 0.0,
            options["offload_weights"],
            _listed("--offload-activations", options["offload_activations"], AWAY),
        ),
        "kernels": kernels_of(options, chosen.kernels),
        "imbalance": options["imbalance"] or 1.0,
    }


def kernels_of(options: dict[str, Any], base: Kernels) -> Kernels:
    """How operations are carried out, where options say otherwise than the framework."""
    dropout = options["dropout"]
    return replace(
        base,
        attention=Attention(options["attention"]) if options["attention"] else base.attention,
        loss=Loss(options["loss"].replace("-", " ")) if options["loss"] else base.loss,
        hidden_dropout=dropout or base.hidden_dropout,
        attention_dropout=dropout or base.attention_dropout,
    )


def plan_from(file: Path, options: dict[str, Any], said: Container[str], model: Model, around: Around) -> Loaded:
    """The plan of a file of DeepSpeed, torchtitan or transformers; options that were given go before it.

    Args:
        file: its path.
        options: what click read.
        said: names of the options that were given.
        model: what is trained.
        around: what the plan is for.

    Raises:
        InputError: for a file that says what cannot be, and for options that do not go together.
    """
    from weighbridge.formats.plans import layers_said, load_plan

    fields = fields_of(options, framework(options["framework"]), around)
    names = dict.fromkeys(FIELDS[name] for name in FIELDS if name in said and FIELDS[name] not in OF_FRAMEWORK)
    beside = {"hidden_size": getattr(model.config, "hidden_size", None), "layers": layers_said(model)}
    base = {name: fields[name] for name in names} | {name: n for name, n in beside.items() if isinstance(n, int)}
    found = load_plan(file, options["gpus"] or around.gpus, base)
    own = fields_of(options, found.plan.framework, around)
    changed = {name: own[name] for name in OF_FRAMEWORK if name in said}
    return replace(found, plan=replace(found.plan, **changed))


LAYERS = re.compile(r"([0-9]{1,6})(?:[*x]([0-9]{1,6}))?")

MOST_STAGES = 10_000


def layout_of(text: str, prediction: int) -> Layout:
    """Layers of every virtual stage: ``3,4*14,2`` are 16 stages. Multi-token prediction stands on the last.

    Raises:
        InputError: for what is no list of numbers.
    """
    layers: list[int] = []
    for part in text.split(","):
        found = LAYERS.fullmatch(part.strip())
        times = int(found[2] or 1) if found else 0
        if not found or len(layers) + times > MOST_STAGES:
            raise InputError(f"--layout: got {given(text)}; expected layers of every virtual stage, such as 3,4*14,2")
        layers += [int(found[1])] * times
    return placed(layers, prediction)


def precision_of(name: str | None, chosen: Framework, stage: int) -> Precision:
    """The data types of a name, as a framework mixes them at a ZeRO stage.

    Raises:
        InputError: for a recipe of Transformer Engine without it.
    """
    if name is None:
        return chosen.at(stage)
    if name in RECIPES:
        if not chosen.transformer_engine:
            raise InputError(f"--precision {name}: {chosen.name} has no Transformer Engine; use --framework megatron")
        return replace(chosen.at(stage), recipe=RECIPES[name])
    if name == "fp32":
        return single()
    if name.startswith("pure-"):
        return pure(name.removeprefix("pure-"))
    return chosen.mixes(name, stage)


KINDS = ("none", "full", "selective", "per-op")


def recompute_of(text: str, method: str | None, layers: int | None) -> Recompute:
    """What ``--recompute`` and the options beside it ask for.

    Raises:
        InputError: for names that are none, and for options that belong to ``full`` without it.
    """
    kind, colon, names = text.partition(":")
    if kind not in KINDS or (colon and kind != "selective"):
        allowed = "allowed: none, full, selective, selective:NAMES, per-op"
        raise InputError(f"--recompute: got {given(text)}; {allowed}{did_you_mean(kind, KINDS)}")
    if kind != "full" and (method or layers):
        raise InputError("--recompute-method and --recompute-layers belong to --recompute full")
    if kind == "full":
        if method == "block" and layers is None:
            raise InputError("--recompute-method block: how many layers of each chunk? add --recompute-layers")
        return Recompute(Method(method or "uniform"), layers or 1)
    if kind == "per-op":
        return Recompute(Method.UNIFORM, saves=PER_OPERATION)
    names = names if colon else "core_attn"
    if not names.strip(" ,"):
        raise InputError(f"--recompute: got {given(text)}; name what is recomputed, of {', '.join(MODULES)}")
    return Recompute(modules=_listed("--recompute", names, MODULES)) if kind == "selective" else Recompute()


def _listed(option: str, names: str | None, known: Collection[str]) -> tuple[str, ...]:
    """Names between commas.

    Raises:
        InputError: for one that is not known.
    """
    chosen = tuple(dict.fromkeys(name.strip() for name in (names or "").split(","))) if names else ()
    for name in chosen:
        if name not in known:
            near = did_you_mean(name, known)
            raise InputError(f"{option}: no module {given(name)}; allowed: {', '.join(known)}{near}")
    return chosen
