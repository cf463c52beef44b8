"""Figures of scaling laws explained, law by law, and what they come to together."""

from __future__ import annotations

from typing import Any, TypedDict

from weighbridge.errors import InputError
from weighbridge.estimate.scaling import Answer, Scaling
from weighbridge.estimate.scaling_explained import COST, MIDDLE, figures, middles, there, usual
from weighbridge.report import explanation

HEADS = {"text": "{}\n", "markdown": "# {}\n", "latex": "% {}"}
"""What stands above the figures of a law."""


class ScalingExplanation(TypedDict):
    """Explanations by law, and of the middle of the laws."""

    explanation: dict[str, list[dict[str, Any]]]
    over_laws_explanation: list[dict[str, Any]]


def explained(result: Scaling, line: str | None, form: str, depth: int | None) -> str:
    """A line, or the usual figures of each law, then what they come to together, then the cost.

    Raises:
        InputError: where no law has the line.
    """
    parts = {answer.law.name: _of(answer, line) for answer in result.answers}
    if line == COST and result.one_budget:  # the cost of one budget is the same by every law
        parts = {COST: next(iter(parts.values()))}
    known = [(name, figure, depth) for name, of in parts.items() for figure in of]
    if line == COST:
        known = _cost(known)
    if line == MIDDLE or (line is None and len(parts) > 1):
        deep = depth if line else 1  # what it is made of stands above
        known += [(MIDDLE, figure, deep) for figure in middles(result)]
    if line is None and result.rate is not None:
        known += _cost([(COST, one, depth) for one in _of(result.answers[0], COST)]) if result.one_budget else []
    if not known:
        raise _none(line)
    blocks, above = [], ""
    for name, figure, deep in known:
        head = HEADS[form].format(name) + "\n" if name != above else ""
        blocks.append(head + explanation.FORMS[form](figure, deep))
        above = name
    return "\n\n".join(blocks)


def as_data(result: Scaling, line: str | None, depth: int | None) -> ScalingExplanation:
    """The same as plain data; the cost stands with each law.

    Raises:
        InputError: where no law has the line.
    """
    found = {answer.law.name: _of(answer, line) for answer in result.answers}
    if line is None and result.rate is not None:
        found = {answer.law.name: [*found[answer.law.name], *_of(answer, COST)] for answer in result.answers}
    middle = middles(result) if line in (None, MIDDLE) else []
    if not middle and not any(found.values()):
        raise _none(line)
    by_law = {name: _steps(of, depth) for name, of in found.items() if of}
    return {"explanation": by_law, "over_laws_explanation": _steps(middle, depth)}


def _cost(known: list[tuple[str, Any, int | None]]) -> list[tuple[str, Any, int | None]]:
    """Figures of costs, of which only the first of each law is opened whole: the others are made of the same."""
    above = [None, *(name for name, _, _ in known)]
    return [(name, one, 1 if name == before else deep) for (name, one, deep), before in zip(known, above, strict=False)]


def _of(answer: Answer, line: str | None) -> list[Any]:
    """The traced numbers of a line, or the usual ones; none where the law has none."""
    if line is None:
        return usual(answer)
    return figures(answer, line) if line in there(answer) else []


def _none(line: str | None) -> InputError:
    return InputError(f"--line {line}: none of these laws has that here; --explain alone shows what they have")


def _steps(found: list[Any], depth: int | None) -> list[dict[str, Any]]:
    return [step for one in found for step in explanation.as_dict(one, depth)]
