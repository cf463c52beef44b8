"""A YAML file of Megatron-LM's arguments, in either of the two forms that people keep them in.

Test recipes hold a table of the names on the command line (``MODEL_ARGS: {--num-layers: 12, --swiglu: true}``, beside
``ENV_VARS``); Megatron-LM's own ``--yaml-cfg`` holds the names of values, some of them in sections
(``language_model: {num_layers: 12}``; megatron/training/yaml_arguments.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from weighbridge.errors import InputError, UnreadableError, given, shown
from weighbridge.formats.files import read_text
from weighbridge.formats.megatron.command import Command
from weighbridge.formats.megatron.table import Kind, Row, by_dest, rows

MAX_YAML = 2**17
"""Bytes: the longest recipe has 8 kB, and the parser takes a second for this much."""

MOST_KEYS = 5_000
"""Keys of a table, merged ones included."""

LONGEST_NUMBER = 256
"""Bits of a number; more than any argument has."""

RENAMED = {"num_moe_experts": "num_experts", "tokenizer": "tokenizer_type"}
"""Names of values that differ from those of arguments."""

ACTIVATIONS = {"swiglu": "--swiglu", "squaredrelu": "--squared-relu", "squared_relu": "--squared-relu", "gelu": ""}
"""Arguments for what --yaml-cfg files call activation_func."""


def command_of(path: Path) -> Command:
    """The arguments in a file, as words, and the variables that it sets.

    Raises:
        InputError: if it is unreadable, no YAML, or holds what is no argument's value.
    """
    data = _table(path)
    inside = data.get("MODEL_ARGS")
    environment: dict[str, str] = {}
    if isinstance(inside, dict):
        variables = data.get("ENV_VARS")
        if isinstance(variables, dict):
            environment = {str(key): str(value) for key, value in variables.items() if _scalar(value)}
        data = inside
    words = tuple(word for key, value in _flat(data) for word in _words(key, value))
    return Command(words, None, environment)


def _table(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file.

    Raises:
        UnreadableError: if there is none.
    """
    from yaml import SafeLoader, YAMLError, load

    def flatten(loader: Any, node: Any) -> None:
        """Merge tables (<<) while they stay small: each level can double the one before."""
        SafeLoader.flatten_mapping(loader, node)
        if len(node.value) > MOST_KEYS:
            raise YAMLError(f"a table has more than {MOST_KEYS:,} keys")

    text, name = read_text(path, MAX_YAML), shown(str(path), 240)
    try:
        data = load(text, type("Loader", (SafeLoader,), {"flatten_mapping": flatten}))
    except RecursionError:
        raise UnreadableError(f"{name} is nested too deeply to be a list of arguments") from None
    except YAMLError as error:
        raise UnreadableError(f"{name} is no YAML: {shown(' '.join(str(error).split()), 120)}") from None
    except (ValueError, TypeError, ArithmeticError) as error:
        raise UnreadableError(f"{name} is no usable YAML: {shown(' '.join(str(error).split()), 120)}") from None
    if not isinstance(data, dict):
        raise UnreadableError(f"{name} holds {given(data)}; arguments are a table")
    return data


def _flat(data: Mapping[Any, Any]) -> Iterator[tuple[str, Any]]:
    """Keys and values, those of sections (language_model, model_parallel ...) included."""
    for key, value in data.items():
        if isinstance(value, dict):
            yield from ((str(inner), item) for inner, item in value.items())
            if value.get("num_query_groups") is not None:
                yield "group_query_attention", True  # in these files the number alone makes groups
        else:
            yield str(key), value


def _words(key: str, value: Any) -> Iterator[str]:
    """The words of a command line that say the same.

    Raises:
        InputError: for a value that is neither a word nor a flat list of words.
    """
    items = value if isinstance(value, list) else [value]
    if not all(_scalar(item) for item in items):
        raise InputError(f"{shown(key)}: got {given(value)}; expected a word or a list of words")
    if key == "activation_func":
        yield from _activation(value)
        return
    row = _row(key)
    name = row.name if row is not None else key if key.startswith("--") else f"--{key.replace('_', '-')}"
    if row is not None and row.kind.flag:
        yield from _flag(row, key, value)
    elif value is None or (isinstance(value, bool) and row is None and not value):
        return
    elif isinstance(value, bool) and row is None:
        yield name
    else:
        yield from (name, *(_text(item) for item in items))


def _row(key: str) -> Row | None:
    """The argument that a key means: its name on the command line, or that of its value."""
    return rows().get(key) or by_dest().get(RENAMED.get(key, key))


def _flag(row: Row, key: str, value: Any) -> Iterator[str]:
    """A flag: by its name on the command line it is given or not; by its value's name it is true or false.

    Raises:
        InputError: if it is neither.
    """
    if value is not None and not isinstance(value, bool):
        raise InputError(f"{shown(key)}: got {given(_text(value))}; expected true or false")
    if value is None:
        return
    wanted = value if key.startswith("--") or row.kind is Kind.ON else not value
    if wanted:
        yield row.name


def _activation(value: Any) -> Iterator[str]:
    found = ACTIVATIONS.get(str(value).lower())
    if found is None:
        raise InputError(f"activation_func: got {given(_text(value))}; allowed: {', '.join(ACTIVATIONS)}")
    if found:
        yield found


def _scalar(value: Any) -> bool:
    return value is None or isinstance(value, bool | int | float | str | date)


def _text(value: Any) -> str:
    """A value as it would stand on a command line.

    Raises:
        InputError: for a number of more digits than Python writes.
    """
    if isinstance(value, int) and value.bit_length() > LONGEST_NUMBER:
        raise InputError(f"arguments: got a number of {value.bit_length():,} bits; no argument is so large")
    return str(value)
