"""A command's context from the words of a question: only what was given is parsed, defaults were parsed once."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from functools import cache
from typing import Any

import click
from click.core import ParameterSource

from weighbridge.answer.asks import command_of
from weighbridge.answer.values import Words
from weighbridge.cli.options import Taken
from weighbridge.cli.program import HELP


def context_of(ask: str, words: Words, taken: Taken) -> click.Context:
    """The context that the command line would have made.

    A training step has some 80 options, of which a question gives a few; to parse the others each time took as long as
    a good part of the answer.

    Raises:
        click.ClickException: for words that the command does not take.
    """
    whole = command_of(ask)
    given = {word.partition("=")[0] for word in words.options} | {"--json"}
    command = copy.copy(whole)
    command.params = [
        one
        for one in whole.params
        if isinstance(one, click.Argument) or one.required or given & {*one.opts, *one.secondary_opts}
    ]
    line = [*words.options, "--json", *(["--", *words.arguments] if words.arguments else [])]
    context = command.make_context(ask, line, obj=taken, **HELP)
    for name, value in defaults(ask).items():
        if name not in context.params:
            context.params[name] = value
            context.set_parameter_source(name, ParameterSource.DEFAULT)
    return context


@cache
def defaults(ask: str) -> Mapping[str, Any]:
    """What a command takes every parameter for that is not given."""
    command = command_of(ask)
    needed = [f"{one.opts[0]}=x" for one in command.params if isinstance(one, click.Option) and one.required]
    arguments = ["x" for one in command.params if isinstance(one, click.Argument) and one.required]
    with command.make_context(ask, [*needed, "--", *arguments] if arguments else needed, **HELP) as context:
        return {
            name: value
            for name, value in context.params.items()
            if context.get_parameter_source(name) is ParameterSource.DEFAULT
        }
