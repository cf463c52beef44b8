"""What the caller says beside the file, and how ranks and batches follow from both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from math import lcm
from typing import Any

from weighbridge.errors import InputError, did_you_mean, given, shown
from weighbridge.formats.plans.table import Table
from weighbridge.models import Model
from weighbridge.nn.problems import multiples
from weighbridge.parallel.framework import Framework, framework
from weighbridge.parallel.optimizer import optimizer
from weighbridge.parallel.plan import Plan
from weighbridge.parallel.schedule import Schedule

FIELDS = tuple(field.name for field in fields(Plan))
BESIDE = ("hidden_size", "layers")
"""What a caller may say of the model, for values that files leave open."""


@dataclass(frozen=True)
class Read:
    """What a file says.

    Attributes:
        plan: the plan.
        model: what is trained, by a name of the catalogue, a path or a Hugging Face id; ``None`` where it does not say.
        warnings: what is unknown, assumed or not modelled, a line each.
    """

    plan: Plan
    model: str | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Options:
    """What the caller says; goes before the file.

    Attributes:
        gpus: ranks in all; ``None`` where the caller does not say.
        fields: fields of the plan, in its own types.
        hidden_size: of the model, for sizes that are worked out from it.
        layers: of the model, for layouts that are worked out from them.
    """

    gpus: int | None
    fields: Mapping[str, Any]
    hidden_size: int | None = None
    layers: int | None = None

    @classmethod
    def of(cls, gpus: int | None, base: Mapping[str, Any] | None) -> Options:
        """Options from fields of a plan; frameworks, optimizers and schedules may be given by their names.

        Raises:
            InputError: for a field that a plan does not have.
        """
        said = {name: value for name, value in (base or {}).items() if value is not None}
        for name in said:
            if name not in (*FIELDS, *BESIDE):
                raise InputError(f"{shown(name)}: a plan has no such field{did_you_mean(name, FIELDS, 1)}")
        named = {"framework": framework, "optimizer": optimizer, "schedule": _schedule}
        for name, find in named.items():
            if isinstance(said.get(name), str) and not isinstance(said[name], Schedule):
                said[name] = find(said[name])
        beside = {name: said.pop(name, None) for name in BESIDE}
        ranks = said.pop("gpus", None) if gpus is None else gpus
        said.pop("gpus", None)
        if ranks is not None and (not isinstance(ranks, int) or isinstance(ranks, bool) or ranks < 1):
            raise InputError(f"gpus: got {given(ranks)}; expected a whole number of at least 1")
        return cls(ranks, said, **beside)

    def get(self, name: str, otherwise: Any) -> Any:
        """A field that the caller gave, or what the file says."""
        return self.fields.get(name, otherwise)

    def framework(self, otherwise: str) -> Framework:
        """The framework that the caller named, or the one that the file means."""
        found = self.fields.get("framework")
        return found if isinstance(found, Framework) else framework(otherwise)

    def plan(self, chosen: Framework, **said: Any) -> Plan:
        """The plan of a file's fields, those of the caller put in."""
        return Plan.under(chosen.name, **(said | dict(self.fields)))


def layers_said(model: Model | None) -> int | None:
    """Decoder layers of a model, where its configuration says."""
    found = getattr(model.config, "num_hidden_layers", None) if model is not None else None
    return found if isinstance(found, int) else None


def _schedule(name: str) -> Schedule:
    if name not in list(Schedule):
        raise InputError(
            f"schedule: {given(name)} is unknown; allowed: {', '.join(Schedule)}{did_you_mean(name, Schedule)}"
        )
    return Schedule(name)


def replica(degrees: Mapping[str, int | None]) -> int:
    """Ranks of one replica of the model: the fewest on which the degrees fit."""
    tensor, pipeline, expert = (degrees.get(name) or 1 for name in ("tensor", "pipeline", "expert"))
    inside = degrees.get("expert_tensor") or tensor
    dense = tensor * pipeline * (degrees.get("context") or 1)
    return lcm(dense, inside * expert * pipeline) if expert > 1 else dense


def world(table: Table, options: Options, degrees: Mapping[str, int | None], implied: int | None = None) -> int:
    """Ranks in all: as the caller says, as the file implies, or those of one replica.

    Args:
        table: the file.
        options: what the caller says.
        degrees: sizes of the parallel groups, by the plan's names.
        implied: ranks that follow from the file.
    """
    least = replica(degrees)
    if options.gpus is None:
        if implied is None:
            table.warnings.append(f"gpus: not given; taken as the {least:,} ranks of one replica of the model")
        return least if implied is None else implied
    dense = {name: degrees.get(name) or 1 for name in ("tensor", "pipeline", "context")}
    ranks = dense["tensor"] * dense["pipeline"] * dense["context"]
    if options.gpus % ranks:
        sizes = " x ".join(f"{size:,}" for size in dense.values())
        near = multiples(options.gpus, ranks)
        words = f"{' x '.join(dense)} = {sizes} = {ranks:,}"
        table.problems.append(f"gpus: {options.gpus:,} do not divide by {words}; nearest that do: {near}")
        return ranks
    return options.gpus
