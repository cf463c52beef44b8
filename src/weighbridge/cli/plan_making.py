"""The plan that the options of the command line make, by themselves or on top of a file's."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weighbridge.cli.plan_options import CALLED, FIELDS
from weighbridge.errors import InputError, given
from weighbridge.kernels import Attention, Exchange, Kernels, Loss
from weighbridge.parallel.degrees import TRAINING
from weighbridge.parallel.execution import BESIDE, GRAPHS, OVERLAPS, Execution
from weighbridge.parallel.framework import framework
from weighbridge.parallel.layout import Layout, placed
from weighbridge.parallel.names import listed, precision_of, recompute_of
from weighbridge.parallel.optimizer import Optimizer, optimizer
from weighbridge.parallel.plan import Offload, Plan
from weighbridge.parallel.precision import Precision
from weighbridge.parallel.problems import AWAY
from weighbridge.parallel.schedule import Schedule
from weighbridge.parallel.zero import Zero
from weighbridge.units import DATA_TYPES, data_type

if TYPE_CHECKING:
    from weighbridge.formats.plans import Loaded
    from weighbridge.models import Model

BELOW = ("zero", "precision", "kernels", "execution", "offload")
"""Fields whose options change what the framework, or the file, has; the other fields they set."""


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


def plan_of(options: Mapping[str, Any], around: Around) -> Plan:
    """The plan of the command line's options.

    Raises:
        InputError: for names that are none and options that do not go together.
    """
    chosen = framework(options["framework"])
    fields = _set(options, around)
    if options["sp"] is None:
        fields["sequence_parallel"] = chosen.splits_sequence and options["tp"] > 1
    return changed(options, Plan.under(chosen.name, gpus=options["gpus"] or around.gpus, **fields))


def plan_from(file: Path, options: Mapping[str, Any], said: frozenset[str], model: Model, around: Around) -> Loaded:
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

    fields = _set(options, around) | {"framework": framework(options["framework"])}
    names = {FIELDS[name]: name for name in FIELDS if name in said and FIELDS[name] not in BELOW}
    beside = {"hidden_size": getattr(model.config, "hidden_size", None), "layers": layers_said(model)}
    base = {name: fields[name] for name in names} | {name: n for name, n in beside.items() if isinstance(n, int)}
    found = load_plan(file, options["gpus"] or around.gpus, base)
    given_here = {field: CALLED[field] for field in CALLED if _option(CALLED[field]) in said}
    return replace(found, plan=changed(options, found.plan), names=CALLED | dict(found.names) | given_here)


def _option(called: str) -> str:
    """The option that a problem's name begins with."""
    return called.partition(" ")[0].lstrip("-").replace("-", "_")


def _set(options: Mapping[str, Any], around: Around) -> dict[str, Any]:
    """Fields of the plan that options set, whatever the framework."""
    sizes = {FIELDS[name]: options[name] for name in (*TRAINING, "etp", "sp")}
    return sizes | {
        "micro_batch": options["micro_batch"],
        "global_batch": options["global_batch"],
        "sequence": options["seq"] or around.sequence,
        "layout": layout_of(options["layout"], around.prediction) if options["layout"] else None,
        "schedule": Schedule(options["schedule"]) if options["schedule"] else None,
        "optimizer": _optimizer(options),
        "recompute": recompute_of(
            options["recompute"], options["recompute_method"], options["recompute_layers"], "--recompute"
        ),
        "imbalance": _imbalance(options),
    }


def changed(options: Mapping[str, Any], base: Plan) -> Plan:
    """A plan with what options say of its choices."""
    zero = _zero(options, base)
    overlaps = _overlaps(options)
    return replace(
        base,
        zero=zero,
        precision=_precision(options, base, zero),
        kernels=_kernels(options, base.kernels, overlaps),
        execution=_execution(options, base.execution, overlaps),
        overlaps_tensor=base.overlaps_tensor if overlaps is None else "tensor" in overlaps,
        offload=_offload(options, base.offload),
    )


def _zero(options: Mapping[str, Any], base: Plan) -> Zero:
    zero = base.zero if options["zero"] is None else base.framework.spread(options["zero"], base.zero)
    if options["replicas"] is not None:
        zero = replace(zero, instances=options["replicas"])
    return zero if options["reshard"] is None else replace(zero, reshard=options["reshard"])


def _precision(options: Mapping[str, Any], base: Plan, zero: Zero) -> Precision:
    """Data types. Megatron-LM copies gradients of 16 bits to fp32 before the step, except where the optimizer is aware
    of precisions, which ``--states`` asks for.
    """
    chosen = base.framework
    own = base.precision
    if options["precision"] is not None:
        own = precision_of(options["precision"], chosen, zero.stage)
    elif own == chosen.at(base.zero.stage):
        own = chosen.at(zero.stage)
    changes: dict[str, Any] = {}
    if options["gradients"] is not None:
        copied = chosen.family == "megatron" and options["gradients"] != "fp32" and options["states"] is None
        changes |= {"gradients": DATA_TYPES[options["gradients"]], "main_gradients": copied}
    if options["main_parameters"] is not None:
        changes["main"] = DATA_TYPES.get(options["main_parameters"])
    if options["fp8_parameters"]:
        changes["parameters_in_fp8"] = True
    return replace(own, **changes)


def _kernels(options: Mapping[str, Any], base: Kernels, overlaps: tuple[str, ...] | None) -> Kernels:
    """How operations are carried out, where options say otherwise than the framework."""
    changes: dict[str, Any] = {}
    if options["attention"]:
        changes["attention"] = Attention(options["attention"])
    if options["loss"]:
        changes["loss"] = Loss(options["loss"].replace("-", " "))
    if options["dropout"] is not None:
        changes |= {"hidden_dropout": options["dropout"], "attention_dropout": options["dropout"]}
    if options["cp_comm"]:
        way = options["cp_comm"]
        changes |= {"exchanges_heads": way == "a2a", "gathers_keys": way == "all-gather"}
    routing = base.routing
    if options["dispatcher"]:
        routing = replace(routing, exchange=Exchange(options["dispatcher"]))
    if overlaps is not None:
        routing = replace(routing, overlapped="experts" in overlaps)
    return replace(base, routing=routing, **changes)


def _overlaps(options: Mapping[str, Any]) -> tuple[str, ...] | None:
    """What ``--overlap`` names; ``None`` where it is not given."""
    text = options["overlap"]
    if text is None:
        return None
    return () if text == "none" else listed("--overlap", text, BESIDE, "overlap")


def _execution(options: Mapping[str, Any], base: Execution, overlaps: tuple[str, ...] | None) -> Execution:
    if overlaps is not None:
        switches: dict[str, Any] = {switch: name in overlaps for name, switch in OVERLAPS.items()}
        base = replace(base, **switches)
    graphs = options["cuda_graphs"]
    return base if graphs is None else replace(base, graphs=listed("--cuda-graphs", graphs, GRAPHS))


def _offload(options: Mapping[str, Any], base: Offload) -> Offload:
    share, names = options["offload_optimizer"], options["offload_activations"]
    return replace(
        base,
        optimizer=base.optimizer if share is None else share,
        weights=options["offload_weights"] or base.weights,
        activations=listed("--offload-activations", names, AWAY) if names else base.activations,
        layers=options["offload_layers"] or base.layers,
    )


def _optimizer(options: Mapping[str, Any]) -> Optimizer:
    """The optimizer, its states in the data types of ``--states``: one for all, or one for each.

    Raises:
        InputError: for as many types as it has no states.
    """
    chosen = optimizer(options["optimizer"])
    if options["states"] is None:
        return chosen
    types = [data_type(name.strip(), "--states") for name in options["states"].split(",")]
    count = len(chosen.states)
    types = types * count if len(types) == 1 else types
    if len(types) != count or not count:
        raise InputError(f"--states: got {given(options['states'])}; {chosen.title} has {count:,} states")
    kept = tuple(replace(state, dtype=dtype) for state, dtype in zip(chosen.states, types, strict=True))
    return replace(chosen, states=kept)


def _imbalance(options: Mapping[str, Any]) -> float:
    """Tokens of the fullest experts over the mean: as given, or the capacity up to which experts are filled.

    Raises:
        InputError: where both are given.
    """
    if options["imbalance"] and options["capacity_factor"]:
        raise InputError("--imbalance and --capacity-factor both say how many tokens experts take; choose one")
    return float(options["imbalance"] or options["capacity_factor"] or 1.0)


def idle(options: Mapping[str, Any], plan: Plan, model: Model) -> Iterator[str]:
    """Options that were given and change nothing, a line each."""
    if options["reshard"] is not None and plan.zero.stage < 3:
        asked = "--reshard" if options["reshard"] else "--no-reshard"
        yield f"{asked}: changes nothing below ZeRO 3; this is ZeRO {plan.zero.stage}"
    if options["sp"] and plan.tensor == 1:
        yield "--sp: changes nothing without tensor parallelism (--tp)"
    if options["cp_comm"] and plan.context == 1:
        yield "--cp-comm: changes nothing without context parallelism (--cp)"
    if options["replicas"] is not None and options["replicas"] > 1 and plan.zero.stage == 0:
        yield "--replicas: changes nothing under ZeRO 0, where every rank holds everything"
    if not any(node.together for node in model.tree.walk()):
        for name in ("dispatcher", "imbalance", "capacity_factor"):
            if options[name] is not None:
                yield f"--{name.replace('_', '-')}: changes nothing; {model.name} has no experts"


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
