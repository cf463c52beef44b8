"""Figures of a quantisation on one's own devices explained, each as the estimate itself works it out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

from weighbridge.errors import InputError, did_you_mean, given
from weighbridge.report import explanation
from weighbridge.report.document import Document
from weighbridge.report.local import HOST, NONE, PROMPT, chosen, devices
from weighbridge.report.markdown import as_markdown
from weighbridge.report.text import rendered, window
from weighbridge.traced import Label, Traced, named

if TYPE_CHECKING:
    from weighbridge.estimate.inference.local import Local, Option

KNOWN = 3
"""Levels of a second speed that are opened: rates are those of the first."""


class LocalExplanation(TypedDict):
    """An explanation, and the quantisation that it is of."""

    explained: str
    explanation: list[dict[str, Any]]


def meant(found: Local, name: str | None) -> Option:
    """The option that is explained.

    Args:
        found: the answer.
        name: of its quantisation; ``None`` for the one that the answer names, or the first where it names none.

    Raises:
        InputError: for a name that was not asked about.
    """
    if name is None:
        return chosen(found) or found.options[0]
    names = {option.name.lower(): option for option in found.options}
    if name.lower() not in names:
        known = [option.name for option in found.options]
        raise InputError(f"quantisation: got {given(name)}; asked about: {', '.join(known)}{did_you_mean(name, known)}")
    return names[name.lower()]


def explained(found: Local, option: Option, lines: tuple[str, ...], form: str, depth: int | None) -> str:
    """Lines, each with its derivation, or why it has none; LaTeX has the formulas only."""
    title = f"{found.model.name} in {option.name} on {devices(found)}"
    above = {"latex": [], "markdown": [f"# {title}"]}
    blocks = above[form] if form in above else [_written(Document(title, "", (), ()), form)]
    for line in lines:
        traced = figures(option, line)
        depths = [depth] * len(traced)
        if line == "speed" and traced:
            levels = KNOWN + (sum(bool(share.buffers) for share in option.parts) > 1)
            depths[1:] = [min(depth or levels, levels)]
        blocks += [explanation.FORMS[form](figure, deep) for figure, deep in zip(traced, depths, strict=True)]
        if not traced and form != "latex":
            blocks.append(_written(Document(f"{line}: {reason(option, line)}", "", (), ()), form))
    return "\n\n".join(blocks) + "\n"


def as_data(option: Option, lines: tuple[str, ...], depth: int | None) -> LocalExplanation:
    """The same as plain data, and which quantisation it is of."""
    steps = [step for line in lines for figure in figures(option, line) for step in explanation.as_dict(figure, depth)]
    return {"explained": option.name, "explanation": steps}


def figures(option: Option, line: str) -> list[Traced]:
    """The traced numbers of a line; none where it is not known."""
    return [one for one in MADE[line](option) if isinstance(one, Traced)]


def reason(option: Option, line: str) -> str:
    """Why a line has no figures."""
    if line == "cache":
        return "it keeps none"
    if not option.runs:
        return NONE
    return HOST if line == "speed" else PROMPT


def _written(document: Document, form: str) -> str:
    if form == "markdown":
        return as_markdown(document).strip()
    return rendered(document, window()).strip("\n")


def _cache(option: Option) -> list[Any]:
    label = Label("cache", "bytes", "of the whole context at once, in all layers")
    return [named(option.layers.cached(option.context).explained(), label)]


def _needed(option: Option) -> list[Any]:
    """By device, those that hold something, in the order of the answer."""
    own = zip(option.parts, option.names, strict=True)
    return [named(share.explained(), Label(f"{name}_needed", "bytes", "of one device")) for share, name in own]


def _speed(option: Option) -> list[Any]:
    empty, full = option.token(0), option.token(option.context - 1)
    if empty is None or full is None:
        return []
    label = Label("tokens_per_second_full", "tokens/s", "of one user, at the end of a full context")
    return [
        named(empty.explained(), Label("tokens_per_second", "tokens/s", "of one user, after an empty context")),
        named(full.explained(), label),
    ]


def _prompt(option: Option) -> list[Any]:
    return [] if option.prompt is None else [option.prompt.explained()]


MADE = {
    "weights": lambda option: [option.layers.file.explained()],
    "cache": _cache,
    "buffers": lambda option: [option.buffers.explained()],
    "needed": _needed,
    "speed": _speed,
    "prompt": _prompt,
}
"""What makes the traced numbers of each line."""
