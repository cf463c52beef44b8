"""Megatron-LM: an unchanged list of its arguments, or a YAML file of them, becomes a model and a plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from weighbridge.errors import InputError, shown
from weighbridge.formats import door
from weighbridge.formats.megatron import plan as plans
from weighbridge.formats.megatron.arguments import Arguments, parse
from weighbridge.formats.megatron.check import CHECKPOINT, check, spelled
from weighbridge.formats.megatron.command import Command, command, ranks_of
from weighbridge.formats.megatron.model import Shape, model, vocabulary
from weighbridge.formats.megatron.yaml import command_of
from weighbridge.models import Model
from weighbridge.parallel.plan import Plan

__all__ = ["Arguments", "Command", "Request", "command", "load", "parse"]


@dataclass(frozen=True)
class Request:
    """What Megatron-LM is asked to run.

    Attributes:
        model: what it trains.
        plan: how.
        world_size: on how many ranks.
        arguments: the arguments as they were read.
        warnings: what is unknown, assumed or not modelled, a line each.
        extras: what was asked for that no field of the plan holds, by what Megatron-LM calls it.
    """

    model: Model
    plan: Plan
    world_size: int
    arguments: Arguments
    warnings: tuple[str, ...] = ()
    extras: Mapping[str, Any] = field(default_factory=dict)


def load(
    source: Sequence[str] | str | Path,
    world_size: int | None = None,
    vocab_size: int | None = None,
    environment: Mapping[str, str] | None = None,
    cluster_gpus: int | None = None,
) -> Request:
    """A model and a plan from Megatron-LM's arguments.

    Args:
        source: the words of a launch command or of its arguments only, or the path of a YAML file of arguments.
        world_size: ranks in all; goes before what the launcher and the environment say.
        vocab_size: entries of the vocabulary; goes before what the arguments say.
        environment: variables of the run; those of this process if ``None``.
        cluster_gpus: ranks where nothing else says how many; those of one replica if ``None``.

    Raises:
        InputError: one line with everything that is wrong.
    """
    found, read = _read(source)
    if not found.arguments:
        raise _none(source)
    around = {**(door.environment() if environment is None else environment), **found.environment}
    ranks, warnings = _world(read, world_size, found, around, cluster_gpus)
    check(read, ranks, vocab_size)
    shape = Shape(read, vocabulary(read, vocab_size))
    built, assumed = model(read, vocab_size)
    planned = plans.fitted(plans.plan(shape, ranks, around), shape)
    stored = (f"{spelled(dest)}: {STORED}" for dest in CHECKPOINT if read.flag(dest))
    said = (*found.warnings, *read.warnings, *stored, *warnings, *assumed, *planned.warnings)
    return Request(built, planned.plan, ranks, read, tuple(dict.fromkeys(said)), planned.extras)


STORED = "the checkpoint's arguments go before those given here, and it is not read; those given here are taken"


def _none(source: Sequence[str] | str | Path) -> InputError:
    """What to do where a launch command has no arguments: they stand inside a script, or are still to come."""
    words = source if isinstance(source, str | Path) else " ".join(source)
    inside = "what a launch script passes stands inside it: write weighbridge megatron -- before torchrun there"
    return InputError(f"ARGS: {shown(str(words))} has none of Megatron-LM's arguments; {inside}, or give the arguments")


def _read(source: Sequence[str] | str | Path) -> tuple[Command, Arguments]:
    """A launch command and its arguments; --yaml-cfg takes their place, as in Megatron-LM (parse_args)."""
    if isinstance(source, str | Path):
        found = command_of(Path(source))
    elif len(source) == 1 and source[0].endswith((".yaml", ".yml")):
        found = command_of(Path(source[0]))
    else:
        found = command(source)
    read = parse(found.arguments)
    path = read.text("yaml_cfg")
    if path is None or isinstance(source, str | Path):
        return found, read
    inside = command_of(Path(path))
    return Command(inside.arguments, found.world_size, found.environment, found.warnings), parse(inside.arguments)


def _world(
    read: Arguments, given: int | None, found: Command, environment: Mapping[str, str], gpus: int | None
) -> tuple[int, tuple[str, ...]]:
    """The world size, and what to say about it."""
    if given is not None:
        if found.world_size not in (None, given):
            return given, (f"--world-size {given:,}: goes before the launcher's {found.world_size:,} ranks",)
        return given, ()
    known = found.world_size or ranks_of(environment)
    if known is not None:
        return known, ()
    if gpus is not None:
        return gpus, (f"--world-size: not given; taken as the cluster's {gpus:,} GPUs",)
    least = plans.smallest_world(read)
    return least, (f"--world-size: not given; taken as the {least:,} ranks of one replica of the model",)
