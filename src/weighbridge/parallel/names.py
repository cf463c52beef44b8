"""Choices of a plan by their names, as the command line and ``Plan.under`` take them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from weighbridge.errors import InputError, did_you_mean, given
from weighbridge.parallel.framework import Framework
from weighbridge.parallel.precision import Precision, Recipe, pure, single
from weighbridge.parallel.recompute import MODULES, PER_OPERATION, Method, Recompute
from weighbridge.parallel.schedule import Schedule

RECIPES = {("fp8-" + recipe if len(recipe) > 5 else recipe.value): recipe for recipe in Recipe}
"""Names of recipes in fewer than 16 bits: fp8-delayed, fp8-tensorwise, fp8-rowwise, fp8-blockwise, mxfp8, nvfp4."""

PRECISIONS = ("bf16", "fp16", "fp32", "pure-bf16", "pure-fp16", *RECIPES)
"""Names of data types that go together."""

RECOMPUTED = ("none", "full", "selective", "per-op")
"""Names of what is recomputed; ``selective:`` may be followed by modules."""


def precision_of(name: str, chosen: Framework, stage: int) -> Precision:
    """The data types of a name, as a framework mixes them at a ZeRO stage. Whether it runs a recipe in fewer bits is
    the plan's problem.

    Raises:
        InputError: for a name that is none.
    """
    _known("precision", name, PRECISIONS)
    if name in RECIPES:
        return replace(chosen.at(stage), recipe=RECIPES[name])
    if name == "fp32":
        return single()
    if name.startswith("pure-"):
        return pure(name.removeprefix("pure-"))
    return chosen.mixes(name, stage)


def recompute_of(
    text: str, method: str | None = None, layers: int | None = None, called: str = "recompute"
) -> Recompute:
    """What is recomputed: none, full, per-op, selective (core_attn), or selective:NAMES.

    Args:
        text: one of these.
        method: of full: uniform or block.
        layers: of full: layers of a group, or of a chunk.
        called: what errors call the text.

    Raises:
        InputError: for names that are none, and for a method or layers without ``full``.
    """
    kind, colon, names = text.partition(":")
    if kind not in RECOMPUTED or (colon and kind != "selective"):
        allowed = "allowed: none, full, selective, selective:NAMES, per-op"
        raise InputError(f"{called}: got {given(text)}; {allowed}{did_you_mean(kind, RECOMPUTED)}")
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
        raise InputError(f"{called}: got {given(text)}; name what is recomputed, of {', '.join(MODULES)}")
    return Recompute(modules=listed(called, names, MODULES)) if kind == "selective" else Recompute()


def schedule_of(name: str) -> Schedule:
    """The pipeline schedule of a name.

    Raises:
        InputError: for a name that is none.
    """
    _known("schedule", name, list(Schedule))
    return Schedule(name)


def listed(field: str, names: str | None, known: Collection[str], what: str = "module") -> tuple[str, ...]:
    """Names between commas.

    Raises:
        InputError: for one that is not known.
    """
    chosen = tuple(dict.fromkeys(name.strip() for name in (names or "").split(","))) if names else ()
    for name in chosen:
        if name not in known:
            near = did_you_mean(name, known)
            raise InputError(f"{field}: no {what} {given(name)}; allowed: {', '.join(known)}{near}")
    return chosen


def _known(field: str, name: str, known: Collection[str]) -> None:
    if name not in known:
        raise InputError(f"{field}: {given(name)} is unknown; allowed: {', '.join(known)}{did_you_mean(name, known)}")
