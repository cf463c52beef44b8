"""The check at the door: a raw mapping becomes a family's configuration, or one line that says what is wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

from weighbridge.errors import InputError, close, did_you_mean, given, shown
from weighbridge.models import family, known_fields

if TYPE_CHECKING:
    from pydantic import TypeAdapter

SHOWN_PROBLEMS = 4
"""Problems of a configuration that one error line lists."""


def configuration(model_type: str, raw: Mapping[str, Any], trusted: bool = False) -> tuple[Any, tuple[str, ...]]:
    """The configuration of a family from raw fields, and notes on what was assumed.

    Args:
        model_type: the family.
        raw: fields under the family's names or their aliases; others are ignored.
        trusted: skip the checks (entries of this package's own catalogue, which a test checks).

    Raises:
        InputError: naming every field that is wrong.
    """
    cls = family(model_type).Config
    fields_given = canonical(cls, raw)
    needed = [f.name for f in fields(cls) if f.default is MISSING and f.default_factory is MISSING]
    missing = [name for name in needed if name not in fields_given]
    if missing:
        raise InputError(f"{missing[0]}: missing; a {model_type} configuration needs it" + _more(missing))
    config = (
        cls(**fields_given)
        if trusted and not _nested(fields_given)
        else validated(cls, fields_given, renamed(cls, raw))
    )
    problems = [(name, str(text)) for name, text in config.problems()]
    if problems:
        names = renamed(cls, raw)
        raise InputError.of((as_given(name, names), as_given(text, names)) for name, text in problems[:SHOWN_PROBLEMS])
    return config, (*_assumed(cls, fields_given), *config.notes())


def _nested(values: Mapping[str, Any]) -> bool:
    """Whether some fields are tables or lists of tables, which become configurations of their own when checked."""
    first = (value[0] if isinstance(value, list) and value else value for value in values.values())
    return any(isinstance(value, Mapping) for value in first)


def canonical(cls: type[Any], raw: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that a configuration class knows, under its own names. Where a field is given under two names, the
    alias wins, as in transformers, which sets it last."""
    renamed = {cls.aliases[key]: value for key, value in raw.items() if key in cls.aliases}
    if "torch_dtype" in raw and "dtype" not in raw:
        renamed["dtype"] = raw["torch_dtype"]
    known = {f.name for f in fields(cls)}
    sections = _sections(cls)  # type: ignore[arg-type] # classes are hashable
    return {
        key: canonical(sections[key], value) if key in sections and isinstance(value, Mapping) else value
        for key, value in {**{key: value for key, value in raw.items() if key in known}, **renamed}.items()
    }


@cache
def _sections(cls: type[Any]) -> dict[str, type[Any]]:
    """The fields that hold a configuration of their own (``text_config``), and its class."""
    if not any(f.name.endswith(("_config", "_parameters")) for f in fields(cls)):
        return {}  # spares most families the reading of their annotations
    hints = get_type_hints(cls)
    inside = {name: [hint, *get_args(hint)] for name, hint in hints.items()}
    return {
        name: part
        for name, parts in inside.items()
        for part in parts
        if is_dataclass(part) and isinstance(part, type) and hasattr(part, "aliases")
    }


def renamed(cls: type[Any], raw: Mapping[str, Any]) -> dict[str, str]:
    """The names under which fields were given, where those are not their own."""
    names = {**cls.aliases, "torch_dtype": "dtype"}
    return {own: name for name, own in names.items() if name in raw and (own not in raw or name in cls.aliases)}


def as_given(text: str, names: Mapping[str, str]) -> str:
    """A text with every field called as the configuration calls it."""
    return re.sub(r"\w+", lambda word: names.get(word[0], word[0]), text)


def validated(cls: type[Any], values: Mapping[str, Any], names: Mapping[str, str] | None = None) -> Any:
    """An instance of a dataclass, every field checked against its annotation by pydantic.

    Args:
        cls: the dataclass.
        values: its fields.
        names: what fields are called in errors, where not by their own name.
    """
    import json

    from pydantic import ValidationError

    try:  # through JSON, whose strict mode takes a table where a dataclass is wanted
        return _adapter(cls).validate_json(json.dumps(dict(values), default=str))  # type: ignore[arg-type] # hashable
    except ValidationError as error:
        lines = [_line(dict(detail), names or {}) for detail in error.errors(include_url=False)]
        shown_lines = list(dict.fromkeys(lines))[:SHOWN_PROBLEMS]
        parts = (line.partition(": ")[::2] for line in shown_lines)
        raise InputError("; ".join(shown_lines), parts) from None


@cache
def _adapter(cls: type[Any]) -> TypeAdapter[Any]:
    """What checks values against a dataclass; strictly, so that no text becomes a number."""
    from pydantic import ConfigDict, TypeAdapter

    cls.__pydantic_config__ = ConfigDict(strict=True)
    return TypeAdapter(cls)


EXPECTED = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a number",
    "bool_type": "true or false",
    "string_type": "a string",
    "list_type": "a list",
    "dict_type": "a table",
    "dataclass_type": "a table",
    "dataclass_exact_type": "a table",
}
"""What pydantic's kinds of errors mean, in words."""

BOUNDS = {
    "greater_than_equal": "at least",
    "less_than_equal": "at most",
    "greater_than": "more than",
    "too_short": "at least",
    "too_long": "at most",
    "string_too_short": "at least",
    "string_too_long": "at most",
}
"""How pydantic's kinds of bounds read; the bound is the number in the error's context."""


def _line(detail: dict[str, Any], renamed: Mapping[str, str]) -> str:
    """One pydantic error in the words of this package, under the name that the field was given by."""
    parts = [str(part) for part in detail["loc"] if not str(part).startswith(("function-", "constrained-", "literal["))]
    where = ".".join([renamed.get(parts[0], parts[0]), *parts[1:]]) if parts else "configuration"
    kind, context = detail["type"], detail.get("ctx") or {}
    if kind == "missing":
        return f"{where}: missing"
    if kind in BOUNDS:
        bound = next(value for key, value in context.items() if key in ("ge", "le", "gt", "min_length", "max_length"))
        entries = " entries" if "too_" in kind else ""
        return f"{where}: got {given(detail['input'])}; allowed is {BOUNDS[kind]} {bound:,}{entries}"
    if kind == "json_invalid":
        return f"{where}: holds text that is no valid Unicode, or is nested too deeply"
    if kind == "literal_error":
        return f"{where}: got {given(detail['input'])}; allowed: {context['expected']}"
    expected = EXPECTED.get(kind, detail["msg"][:1].lower() + detail["msg"][1:])
    return f"{where}: got {given(detail['input'])}; expected {expected}"


def _more(missing: list[str]) -> str:
    return f" (and {', '.join(missing[1:])})" if missing[1:] else ""


def _assumed(cls: type[Any], values: Mapping[str, Any]) -> tuple[str, ...]:
    """A note on the sizes that the configuration leaves to the family's defaults."""
    silent = list(_silent(cls, values))
    return (f"not given, so {cls.family}'s defaults: {', '.join(silent)}",) if silent else ()


def _silent(cls: type[Any], values: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Sizes that are left to defaults, those of sections that are given too."""
    for f in fields(cls):
        if f.name not in values and type(f.default) is int and f.default > 1:
            yield f"{prefix}{f.name} = {f.default:,}"
    for name, section in _sections(cls).items():  # type: ignore[arg-type]
        if isinstance(values.get(name), Mapping):
            yield from _silent(section, values[name], f"{prefix}{name}.")


ALSO_IN_TOML = {"name", "model_type"}


def check_keys(raw: Mapping[str, Any], model_type: str) -> None:
    """Refuse misspelt keys of a TOML description, which nothing but this package reads.

    Where the description names a family it may hold all that a ``config.json`` holds, so that only keys close to one
    that is known are refused.

    Raises:
        InputError: naming the key and the nearest known one.
    """
    known = [*known_fields(model_type), *ALSO_IN_TOML]
    for key in raw:
        if key not in known and (model_type == "described" or close(key, known)):
            near = did_you_mean(key, known) or f"; allowed: {', '.join(known)}"
            raise InputError(f"{shown(key)}: no such key{near}")


def overridden(raw: Mapping[str, Any], changes: Mapping[str, Any], model_type: str) -> dict[str, Any]:
    """Raw fields with some of them set anew; a dotted name goes into tables.

    Raises:
        InputError: for a field that the family does not have.
    """
    known, derived = list(known_fields(model_type)), family(model_type).Config.derived
    aliases = {**family(model_type).Config.aliases, "torch_dtype": "dtype"}
    result: dict[str, Any] = dict(raw)
    for name, value in changes.items():
        first, *rest = name.split(".")
        if first in derived:
            raise InputError(f"--set {first}: worked out from {derived[first]}; set that")
        if first not in known and first not in result:
            raise InputError(f"--set {shown(name)}: no such field{did_you_mean(first, [*known, *result])}")
        for other in [key for key in result if aliases.get(key, key) == aliases.get(name, name)]:
            del result[other]  # the field may stand there under its other name
        table = result
        for key, deeper in zip([first, *rest], rest, strict=False):
            inside = table.get(key)
            if not isinstance(inside, dict):
                near = did_you_mean(key, [k for k, v in table.items() if isinstance(v, dict)])
                raise InputError(f"--set {shown(name)}: {shown(key)} is no table{near}")
            table[key] = table = dict(inside)
            if deeper is rest[-1] and deeper not in table and model_type != "described":  # its blocks are checked after
                raise InputError(f"--set {shown(name)}: no such field{did_you_mean(deeper, table)}")
        table[rest[-1] if rest else first] = value
    return result
