"""A model described in TOML: either a family and its fields, or blocks of modules of one's own choice."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import MISSING, fields, make_dataclass
from functools import cache
from typing import Any, get_type_hints

from weighbridge.errors import InputError, did_you_mean, given, shown
from weighbridge.formats.check import validated
from weighbridge.models.config import LARGEST
from weighbridge.models.described import Block, Run, parts

BLOCK_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,59}")
"""Names of blocks become names of quantities in formulas."""


def check_blocks(raw: Mapping[str, Any]) -> None:
    """Check the modules that a description's blocks name.

    Raises:
        InputError: for an unknown module, or a field that it does not have or that has the wrong type.
    """
    for number, run in enumerate(raw["layers"] if isinstance(raw.get("layers"), list) else ()):
        if isinstance(run, dict):
            _check_keys(f"layers.{number}", run, Run)
    blocks = raw.get("blocks")
    if not isinstance(blocks, dict):
        return
    for name, block in blocks.items():
        if not isinstance(block, dict):
            raise InputError(f"blocks.{shown(name)}: got {shown(block)}; expected a table")
        if not BLOCK_NAME.fullmatch(name):
            raise InputError(f"blocks: {given(name)} is no name; allowed: letters, digits, _ and -, from a letter on")
        _check_keys(f"blocks.{name}", block, Block)
        for branch in ("mixer", "feed_forward"):
            if branch in block:
                _check_part(f"blocks.{name}.{branch}", block[branch])


def _check_keys(where: str, table: Mapping[str, Any], cls: type[Any]) -> None:
    known = [f.name for f in fields(cls)]
    unknown = [key for key in table if key not in known]
    if unknown:
        near = did_you_mean(unknown[0], known)
        raise InputError(f"{where}.{shown(unknown[0])}: no such field; allowed: {', '.join(known)}{near}")


def _check_part(where: str, spec: Any) -> None:
    if not isinstance(spec, dict) or not isinstance(spec.get("type"), str):
        raise InputError(f'{where}: expected a table with a type, such as {{ type = "GatedMLP", ... }}')
    usable = parts(where.rpartition(".")[2])
    part = usable.get(spec["type"])
    if part is None:
        near = did_you_mean(spec["type"], usable)
        raise InputError(
            f"{where}.type: {shown(spec['type'])} is no module; allowed: {', '.join(sorted(usable))}{near}"
        )
    values = {key: value for key, value in spec.items() if key != "type"}
    own = {f.name: f for f in fields(part) if f.name != "hidden_size"}
    for key in values:
        if key not in own:
            raise InputError(f"{where}.{shown(key)}: {spec['type']} has no such field{did_you_mean(key, own)}")
    missing = [key for key, f in own.items() if f.default is MISSING and key not in values]
    if missing:
        raise InputError(
            f"{where}: {', '.join(missing)} missing; {spec['type']} needs {'them' if missing[1:] else 'it'}"
        )
    _check_values(where, part, values)


def _check_values(where: str, part: type[Any], fields_given: Mapping[str, Any]) -> None:
    """Types by pydantic, sizes within bounds, and what the module itself finds wrong."""
    hints = _hints(part)  # type: ignore[arg-type] # classes are hashable
    for key, value in fields_given.items():
        validated_value(f"{where}.{key}", hints[key], value)
        if type(value) is int and not 1 <= value <= LARGEST:
            raise InputError(f"{where}.{key}: got {value:,}; allowed is 1 to {LARGEST:,}")
    for key, problem in part(hidden_size=LARGEST, **fields_given).problems():
        raise InputError(f"{where}.{key}: {problem}")


def validated_value(where: str, hint: Any, value: Any) -> Any:
    """One value against a type annotation."""
    try:
        return validated(_holder(hint), {"value": value}).value
    except InputError as error:
        raise InputError(str(error).replace("value", where, 1)) from None


@cache
def _hints(part: type[Any]) -> dict[str, Any]:
    return get_type_hints(part)


@cache
def _holder(hint: Any) -> type[Any]:
    """A dataclass with one field of that type."""
    return make_dataclass("Part", [("value", hint)])
