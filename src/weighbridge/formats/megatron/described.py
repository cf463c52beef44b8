"""The model alone of a launch command of Megatron-LM, for questions that are not about the run that it starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from weighbridge.errors import InputError, given, shown
from weighbridge.formats.megatron import load
from weighbridge.formats.megatron.command import split
from weighbridge.models import Model


def described(model: Mapping[str, Any], changes: Mapping[str, Any]) -> Model:
    """The model of ``{"megatron": "--num-layers 32 ..."}``, with an optional ``name``.

    Raises:
        InputError: for further fields, for changes, and for what Megatron-LM would not run.
    """
    text, name = model["megatron"], model.get("name", "megatron")
    if not isinstance(text, str) or not isinstance(name, str):
        raise InputError(f"megatron: got {given(text)}; expected a launch command or its arguments, as text")
    if further := [key for key in model if key not in ("megatron", "name")]:
        raise InputError(f"{shown(further[0])}: no such field beside megatron; allowed: name")
    if changes:
        raise InputError(
            f"--set {shown(next(iter(changes)))}: sizes stand in Megatron-LM's arguments; change them there"
        )
    request = load(split(text))
    notes = (*request.model.notes, *request.warnings)
    return replace(request.model, name=name or "megatron", notes=notes)
