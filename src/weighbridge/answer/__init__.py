"""One small interface for everything that is no terminal: a question of plain data in, the answer of ``--json`` out.

The page and the HTTP service call :func:`answer`; it runs the very command that the command line runs and hands back
what that would have printed with ``--json``, so that the three cannot disagree.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import click

from weighbridge.answer.access import Access as Access
from weighbridge.answer.asks import ASKS, command_of, parameters_of
from weighbridge.answer.checks import out_of_bounds
from weighbridge.answer.contexts import context_of
from weighbridge.answer.fields import fields as fields
from weighbridge.answer.handed import files_of
from weighbridge.answer.problems import Problem as Problem
from weighbridge.answer.problems import QuestionError as QuestionError
from weighbridge.answer.problems import of_error
from weighbridge.answer.values import Words, words_of
from weighbridge.cli.options import Taken
from weighbridge.errors import WeighbridgeError, did_you_mean, given, shown
from weighbridge.formats import door

BESIDE_ARGUMENTS = ("ask", "options", "with", "files")


def answer(
    question: Mapping[str, Any], access: Access = Access.QUESTION, without: Collection[str] = ()
) -> dict[str, Any]:
    """The answer to a question, as ``--json`` prints it.

    Args:
        question: ``ask`` names what is asked (:data:`~weighbridge.answer.asks.ASKS`); ``model`` (``models``, ``words``)
            what the command calls MODEL, by name or as a table of a configuration's fields; ``options`` the command's
            long options, underscores for hyphens; ``with`` what is asked for beside (``explain``, ``timeline`` ...);
            ``files`` contents of files by the names under which options and ``model`` may call them.
        access: what may be reached beyond the question itself.
        without: asks that are not answered here.

    Raises:
        QuestionError: naming every field that is wrong, as far as they can be checked one by one.
    """
    if not isinstance(question, Mapping):
        raise QuestionError([Problem("", f"got {given(question)}; expected a table with ask, model and options")])
    if wrong := out_of_bounds(question):
        raise QuestionError(wrong)
    ask = _ask(question, without)
    handed, problems = files_of(question.get("files"))
    if handed and access is Access.MACHINE:
        problems.append(Problem("files", "files are sent along where those of the machine cannot be reached"))
    words = words_of(ask, question)
    problems = [*_unknown(ask, question), *words.problems, *problems]
    if problems:
        raise QuestionError(problems)
    with door.behind(access.door(handed)):
        return _run(ask, words)


def _ask(question: Mapping[str, Any], without: Collection[str]) -> str:
    """What is asked.

    Raises:
        QuestionError: for what nothing answers.
    """
    ask = question.get("ask")
    allowed = [name for name in ASKS if name not in without]
    if isinstance(ask, str) and ask in allowed:
        return ask
    near = did_you_mean(ask, allowed) if isinstance(ask, str) else ""
    said = "missing" if ask is None else f"got {given(ask)}"
    raise QuestionError([Problem("ask", f"{said}; allowed: {', '.join(allowed)}{near}")])


def _unknown(ask: str, question: Mapping[str, Any]) -> list[Problem]:
    """Keys that a question of this kind does not have."""
    parameters = parameters_of(ask)
    arguments = [name for name, one in parameters.items() if isinstance(one, click.Argument)]
    known = [*BESIDE_ARGUMENTS, *arguments]
    found = []
    for key in question:
        if key not in known:
            hint = "; it is an option: put it into options" if key in parameters else did_you_mean(key, known)
            found.append(Problem(shown(key), f"no such key; allowed: {', '.join(known)}{hint}"))
    return found


def _run(ask: str, words: Words) -> dict[str, Any]:
    """The command's own answer."""
    command, taken = command_of(ask), Taken()
    described = any(isinstance(one, Mapping) for of in words.objects.values() for one in of)
    try:
        with context_of(ask, words, taken) as context:
            for name, given_ in words.objects.items():
                if described:
                    context.params[name] = tuple(given_) if isinstance(context.params[name], tuple) else given_[0]
            command.invoke(context)
    except (WeighbridgeError, click.ClickException) as error:
        raise of_error(error, ask, described or bool(door.now().handed)) from None
    assert isinstance(taken.data, dict)
    return taken.data
