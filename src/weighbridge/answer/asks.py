"""What can be asked: each ask is a command of the command line, whose own parameters say what belongs to it."""

from __future__ import annotations

import re
from functools import cache
from importlib import import_module

import click

ASKS = {
    "params": ("params",),
    "flops": ("flops",),
    "train": ("train",),
    "megatron": ("megatron",),
    "infer": ("infer",),
    "local": ("local",),
    "scaling": ("scaling",),
    "laws": ("scaling", "laws"),
    "fit": ("scaling", "fit"),
    "compare": ("compare",),
    "models": ("models",),
    "clusters": ("clusters",),
}
"""The command of each ask."""

WITH = {
    "explain": "explain",
    "timeline": "chart",
    "trace": "traced",
    "tree": "tree",
    "users": "chart",
    "curves": "curves",
}
"""What may be asked for beside the answer, and the flag of the command that asks for it."""

BESIDE = {
    "params": ("explain",),
    "flops": ("explain",),
    "train": ("explain", "timeline", "trace", "tree"),
    "megatron": ("explain", "timeline", "trace", "tree"),
    "infer": ("explain", "users"),
    "local": ("explain",),
    "scaling": ("explain", "curves"),
}
"""What each ask may be asked for beside its answer."""

PRINTED = frozenset({"json", "format", "csv", "markdown", "check", "tree", "explain", "chart", "traced", "curves"})
"""Options that say how a terminal shows an answer; here it is always the data of ``--json``."""


@cache
def command_of(ask: str) -> click.Command:
    """The command of an ask."""
    first, *below = ASKS[ask]
    command: click.Command = import_module(f"weighbridge.cli.{first}").command
    for name in below:
        assert isinstance(command, click.Group)
        command = command.commands[name]
    return command


@cache
def parameters_of(ask: str) -> dict[str, click.Parameter]:
    """Parameters that an ask takes, by the names of their fields: the long option with underscores, or the argument."""
    named = {field_of(parameter): parameter for parameter in command_of(ask).params}
    return {name: parameter for name, parameter in named.items() if name not in PRINTED}


def field_of(parameter: click.Parameter) -> str:
    """What a parameter is called in a question."""
    if isinstance(parameter, click.Argument):
        return str(parameter.name)
    return (long_of(parameter) or "").removeprefix("--").replace("-", "_")


def long_of(parameter: click.Parameter) -> str | None:
    """The first long option of a parameter; ``None`` for one that has none, such as an argument."""
    return next((name for name in parameter.opts if name.startswith("--")), None)


OPTION = re.compile(r"(?<![\w-])--(?:no-)?([a-z][a-z0-9]*(?:-[a-z0-9]+)*)")


def in_fields(line: str, ask: str) -> str:
    """A line of the command line with options called as the fields of a question."""
    known = parameters_of(ask)

    def called(found: re.Match[str]) -> str:
        name = found[1].replace("-", "_")
        return name if name in known else found[0]

    return OPTION.sub(called, line)
