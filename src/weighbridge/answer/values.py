"""Values of a question as the words that a command line would have: each checked by its own parameter, all of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import click

from weighbridge.answer.asks import BESIDE, PRINTED, WITH, command_of, field_of, in_fields, long_of, parameters_of
from weighbridge.answer.problems import Problem, one_line
from weighbridge.cli.writing import OutFile
from weighbridge.errors import InputError, did_you_mean, given, shown

MOST_REPEATED = 64
"""Values of an option that may be given several times."""


@dataclass
class Words:
    """The words of a command, and what is wrong with what they came from.

    Attributes:
        options: ``--name=value`` or ``--flag``, a word each.
        arguments: what stands after them.
        objects: descriptions of models, by the argument's name, in whose place a word stands.
        problems: what is wrong.
    """

    options: list[str] = field(default_factory=list)
    arguments: list[str] = field(default_factory=list)
    objects: dict[str, list[Any]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def words_of(ask: str, question: Mapping[str, Any]) -> Words:
    """The words of a question."""
    found = Words()
    parameters = parameters_of(ask)
    options = question.get("options")
    if options is not None and not isinstance(options, Mapping):
        found.problems.append(Problem("options", f"got {given(options)}; expected a table of options"))
        options = None
    for name, value in (options or {}).items():
        parameter = parameters.get(name)
        if isinstance(parameter, click.Option):
            _option(found, name, parameter, value)
        else:
            found.problems.append(Problem(f"options.{shown(name)}", _no_option(ask, name)))
    for name, parameter in parameters.items():
        if isinstance(parameter, click.Argument):
            _argument(found, name, parameter, question.get(name))
        elif parameter.required and (options or {}).get(name) is None:
            found.problems.append(Problem(f"options.{name}", f"missing; {_help(parameter)}"))
    _beside(found, ask, question.get("with"))
    found.problems[:] = [Problem(one.field, one_line(in_fields(one.message, ask))) for one in found.problems]
    return found


def _help(parameter: click.Parameter) -> str:
    return str(getattr(parameter, "help", "") or "it is needed")


def _no_option(ask: str, name: str) -> str:
    if name in WITH or name in {WITH[one] for one in WITH}:
        return f'no option; "with" takes {", ".join(BESIDE.get(ask, ())) or "nothing"}'
    if name in PRINTED & {field_of(parameter) for parameter in command_of(ask).params}:
        return "says how a terminal shows an answer; leave it out"
    known = [key for key, value in parameters_of(ask).items() if isinstance(value, click.Option)]
    near = did_you_mean(name, known) or f"; allowed: {', '.join(known)}"
    return f"{ask} has no such option{near}"


def _beside(found: Words, ask: str, value: Any) -> None:
    """What is asked for beside the answer."""
    if value is None:
        return
    names = [value] if isinstance(value, str) else value
    allowed = BESIDE.get(ask, ())
    if not isinstance(names, list | tuple):
        found.problems.append(Problem("with", f"got {given(value)}; expected a list of {', '.join(allowed)}"))
        return
    for name in dict.fromkeys(map(str, names)):
        if name in allowed:
            found.options.append(f"--{WITH[name]}")
        else:
            known = f"allowed: {', '.join(allowed)}" if allowed else f"{ask} has nothing beside its answer"
            found.problems.append(Problem("with", f"got {given(name)}; {known}{did_you_mean(name, allowed)}"))


def _option(found: Words, name: str, option: click.Option, value: Any) -> None:
    if value is None:
        return
    place = f"options.{name}"
    if isinstance(option.type, OutFile):
        said = "is written to a file, which is not done here"
        found.problems.append(Problem(place, f"{said}; leave it out"))
        return
    if option.is_flag:
        if not isinstance(value, bool):
            found.problems.append(Problem(place, f"got {given(value)}; allowed: true or false"))
        elif value:
            found.options.append(option.opts[0])
        elif option.secondary_opts:
            found.options.append(option.secondary_opts[0])
        return
    for word, said in _converted(option, _listed(option, value)):
        if said:
            found.problems.append(Problem(place, said))
        else:
            found.options.append(f"{long_of(option)}={word}")


def _listed(option: click.Option, value: Any) -> list[Any]:
    """An option's values: those of ``--set`` may be a table of fields."""
    if not option.multiple:
        return [value]
    if isinstance(value, Mapping) and field_of(option) == "set":
        return [f"{name}={json.dumps(inner)}" for name, inner in value.items()]
    return list(value) if isinstance(value, list | tuple) else [value]


def _converted(parameter: click.Parameter, values: list[Any]) -> Iterator[tuple[str, str]]:
    """Each value as a word, or what is wrong with it, as the parameter's own type says."""
    if len(values) > MOST_REPEATED and parameter.multiple:
        yield "", f"got {len(values):,} values; allowed are {MOST_REPEATED}"
        return
    kinds = _kinds(parameter)
    for value in values:
        if isinstance(value, float) and value.is_integer() and kinds == (int, float):
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, kinds):
            yield "", f"got {given(value)}; expected {'text' if str in kinds else 'a number'}"
            continue
        word = str(value)
        try:
            parameter.type.convert(word, parameter, None)
        except click.BadParameter as error:
            near = ""
            if isinstance(parameter.type, click.Choice):
                near = did_you_mean(word, [str(choice) for choice in parameter.type.choices])
            yield word, error.message.rstrip(".") + near
        else:
            yield word, ""


def _kinds(parameter: click.Parameter) -> tuple[type, ...]:
    """The types of a value: numbers alone where the parameter is one; of text that may be one (``15T``) both."""
    if isinstance(parameter.type, click.types.IntParamType | click.types.FloatParamType):
        return int, float
    return (str,) if isinstance(parameter.type, click.Choice | click.Path) else (str, int, float)


MODELS = ("model", "models")


def _argument(found: Words, name: str, argument: click.Argument, value: Any) -> None:
    """An argument: text, a list of texts, and of models also tables of their fields."""
    several = argument.nargs == -1
    values = list(value) if several and isinstance(value, list | tuple) else [] if value is None else [value]
    if argument.required and not values:
        found.problems.append(Problem(name, f"missing; {ask_for(name)}"))
    if several and name == "words" and len(values) == 1 and isinstance(values[0], str):
        from weighbridge.formats.megatron.command import split

        try:
            values = split(values[0])
        except InputError as error:
            found.problems.append(Problem(name, str(error)))
            return
    for number, one in enumerate(values):
        place = f"{name}.{number}" if several and len(values) > 1 else name
        if isinstance(one, Mapping) and name in MODELS:
            found.objects.setdefault(name, []).append(one)
            found.arguments.append("described")
        elif isinstance(one, str):
            found.objects.setdefault(name, []).append(one)
            found.arguments.append(one)
        elif isinstance(value, list | tuple) and _is_word(name, one):
            found.arguments.append(str(one))
        else:
            kinds = "a name or a table of fields" if name in MODELS else "text"
            found.problems.append(Problem(place, f"got {given(one)}; expected {kinds}"))


def _is_word(name: str, one: Any) -> bool:
    """Whether a number stands among words, such as the value of an argument."""
    return name == "words" and isinstance(one, int | float) and not isinstance(one, bool)


def ask_for(name: str) -> str:
    """What an argument is, for a question that lacks it."""
    return {
        "model": "a name of the catalogue, or the fields of a configuration",
        "models": "a list of names of the catalogue or of configurations",
        "words": "the arguments, as text or a list",
        "file": "the name of a file that is sent along in files",
    }.get(name, "it is needed")
