"""A plan as arguments for Megatron-LM, DeepSpeed or torchtitan.

What is written is read again by this package's own readers; wherever the plan that comes back is another one, a warning
names the field. So nothing is lost in silence, whatever a framework has no words for.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

from weighbridge.errors import InputError, did_you_mean, given
from weighbridge.formats.plans import emit_deepspeed, emit_megatron, emit_torchtitan
from weighbridge.formats.plans.options import layers_said
from weighbridge.models import Model
from weighbridge.parallel.plan import Plan
from weighbridge.parallel.zero import Engine, Zero

KINDS = ("megatron", "deepspeed", "torchtitan")
"""Frameworks for which arguments are written."""

TITLES = {"megatron": "Megatron-LM's arguments", "deepspeed": "DeepSpeed's JSON", "torchtitan": "torchtitan's TOML"}


@dataclass(frozen=True)
class Emitted:
    """A plan in the words of a framework.

    Attributes:
        text: arguments with their continuations, JSON or TOML.
        warnings: fields of the plan that it does not say, a line each.
        data: the same as words of a command line (Megatron-LM) or as tables (DeepSpeed, torchtitan).
    """

    text: str
    warnings: tuple[str, ...] = ()
    data: Any = None


def emit(plan: Plan, model: Model | None = None, kind: str = "megatron") -> Emitted:
    """A plan in the words of a framework.

    Args:
        plan: the plan; ranks in all are the launcher's business and are not written.
        model: what is trained; torchtitan's file names it, and layouts may follow from its layers.
        kind: ``megatron``, ``deepspeed`` or ``torchtitan``.

    Raises:
        InputError: for another kind, or a plan that cannot run.
    """
    if kind not in KINDS:
        raise InputError(f"--emit: got {given(kind)}; allowed: {', '.join(KINDS)}{did_you_mean(kind, KINDS, 1)}")
    wrong = list(plan.problems())
    if wrong:
        raise InputError("; ".join(f"{field}: {what}" for field, what in wrong))
    write, render = _WRITERS[kind]
    data, again, notes = write(plan, model)
    layers = layers_said(model)
    differing = _warnings(plan, again, TITLES[kind], layers, _sparse(model))
    return Emitted(render(data), (*notes, *differing), data)


def _lines(words: list[str]) -> str:
    """An argument and its values per line, as scripts write them."""
    lines: list[list[str]] = []
    for word in words:
        if word.startswith("--") or not lines:
            lines.append([])
        lines[-1].append(word)
    return " \\\n".join(shlex.join(line) for line in lines) + "\n"


def _json(table: Mapping[str, Any]) -> str:
    return json.dumps(table, indent=2) + "\n"


Written = tuple[Any, Plan, tuple[str, ...]]
"""What is written, the plan that it is read as, and notes."""

_WRITERS: dict[str, tuple[Callable[[Plan, Model | None], Written], Callable[[Any], str]]] = {
    "megatron": (emit_megatron.write, _lines),
    "deepspeed": (emit_deepspeed.write, _json),
    "torchtitan": (emit_torchtitan.write, emit_torchtitan.toml),
}


def _sparse(model: Model | None) -> bool:
    """Whether a model may have experts."""
    return model is None or any(node.together for node in model.tree.walk())


def _warnings(plan: Plan, again: Plan, title: str, layers: int | None, sparse: bool) -> Iterator[str]:
    """A line for every field that the framework's words do not say."""
    for field, asked, said in differences(plan, again, layers, sparse):
        yield f"{field}: {asked} has no place in {title}; what is written means {said}"


FRAMEWORKS_OWN = ("kernels", "accumulation_fusion", "expandable_segments")
"""Fields that a framework brings; where frameworks differ, that says it."""


def differences(
    plan: Plan, again: Plan, layers: int | None = None, sparse: bool = True
) -> Iterator[tuple[str, str, str]]:
    """Where two plans are not the same: the field, and both values in words.

    Args:
        plan: one plan.
        again: the other.
        layers: decoder layers of the model, where they are known: even layouts may be spelled out.
        sparse: whether routing matters.
    """
    kernels_too = plan.framework.name == again.framework.name
    if not kernels_too:
        yield "framework", plan.framework.name, again.framework.name
    for field in fields(Plan):
        if field.name in ("gpus", "framework") or (field.name in FRAMEWORKS_OWN and not kernels_too):
            continue
        one, other = (_meant(each, field.name, layers) for each in (plan, again))
        if field.name == "zero":
            one, other = _zero(one, other), _zero(other, one)
        yield from _unlike(field.name, one, other, sparse)


def _meant(plan: Plan, name: str, layers: int | None) -> Any:
    """A field's value, those that mean the same made equal."""
    if name == "schedule":
        return plan.order
    if name == "group":
        return min(plan.group or plan.pipeline, plan.micro_batches) if plan.virtual > 1 else None
    if name == "global_batch":
        return plan.sequences
    if name == "expert_tensor":
        return plan.inside_experts if plan.expert > 1 or plan.expert_tensor is not None else plan.tensor
    if name == "sequence_parallel":
        return plan.sequence_parallel and plan.tensor > 1
    if name == "layout" and plan.layout is None:
        if layers is not None:
            return plan.even_layout(layers)
        ends = plan.framework.counts_ends and plan.pipeline > 1
        return f"layers spread evenly{', embedding and head counted' if ends else ''}"
    return getattr(plan, name)


def _zero(zero: Zero, other: Zero) -> Zero:
    """How states are spread, without what does nothing under its engine and stage, or says no more than the engine."""
    bare = Zero(zero.stage, zero.engine, average_in_fp32=zero.average_in_fp32)
    if zero.stage == 3:
        bare = replace(bare, reshard=zero.reshard, prefetch=zero.prefetch, splits_root=zero.splits_root)
    both = zero.engine is Engine.DEEPSPEED and other.engine is Engine.DEEPSPEED
    bucket = zero.bucket if both else bare.bucket
    return replace(bare, bucket=bucket, instances=zero.instances if zero.stage else 1)


def _unlike(path: str, one: Any, other: Any, sparse: bool) -> Iterator[tuple[str, str, str]]:
    """Where two values differ; of tables, where their fields do."""
    if one == other or path == "kernels.title" or (path == "kernels.routing" and not sparse):
        return
    deeper = path in ("zero", "precision", "recompute", "offload", "kernels", "kernels.routing", "execution")
    if not deeper or not is_dataclass(one) or type(one) is not type(other):
        yield path, _word(one), _word(other)
        return
    for field in fields(one):
        yield from _unlike(f"{path}.{field.name}", getattr(one, field.name), getattr(other, field.name), sparse)


def _word(value: Any) -> str:
    """A value in a warning."""
    if isinstance(value, tuple) and value and hasattr(value[0], "layers"):
        return f"layers {', '.join(str(chunk.layers) for chunk in value[:16])}{' ...' if len(value) > 16 else ''}"
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    if isinstance(value, str):
        return str(value)
    title = getattr(value, "title", None) or getattr(value, "name", None)
    if isinstance(title, str):
        states = ", ".join(sorted({state.dtype.name for state in getattr(value, "states", ()) if state.dtype}))
        return f"{title} ({states})" if states else title
    return "none" if value is None else "a choice of its own" if is_dataclass(value) else given(value)
