"""Explanations: a figure as symbols, with the numbers put in, and its value; names fold, and open level by level."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from weighbridge.errors import InputError, given
from weighbridge.report.formula import (
    LATEX,
    LATEX_NUMBERS,
    NUMBERS,
    PYTHON,
    TEXT,
    Sum,
    Symbol,
    formula,
    lines,
    symbols_of,
)
from weighbridge.report.text import window
from weighbridge.traced import Label, Traced

DEEPEST = 99


@dataclass(frozen=True)
class Step:
    """One quantity of an explanation.

    Attributes:
        path: names from the figure down to this quantity.
        label: its name, unit, note and source.
        value: its value.
        formula: what it is made of.
        above: names in the formula that were explained before.
    """

    path: tuple[str, ...]
    label: Label
    value: Any
    formula: Any
    above: tuple[str, ...] = ()


def steps(figure: Traced, depth: int | None = None) -> list[Step]:
    """The quantities of a figure's explanation, each before those that it is made of; a quantity that comes again is
    listed once.

    Args:
        figure: a named traced number.
        depth: levels of names to open: 1 opens the figure itself. By default every name of more than one projection
            opens; a larger depth also opens single projections.
    """
    return list(_open(figure, (), 1, depth, set()))


def _open(node: Traced, above: tuple[str, ...], level: int, depth: int | None, seen: set[str]) -> Iterator[Step]:
    assert node.label is not None
    opened, path = _opened(node, depth), (*above, node.label.symbol)
    seen.add(_fingerprint(node, opened))
    deeper = level < (DEEPEST if depth is None else depth)
    inside = list(_named(opened)) if deeper else []
    known = [inner for inner in inside if _fingerprint(inner, _opened(inner, depth)) in seen]
    yield Step(path, node.label, node.value, opened, tuple(inner.label.symbol for inner in known if inner.label))
    for inner in inside:
        if _fingerprint(inner, _opened(inner, depth)) not in seen:
            yield from _open(inner, path, level + 1, depth, seen)


def _opened(node: Traced, depth: int | None) -> Any:
    """The formula of a name, itself written out and the names in it folded."""

    def folds(named: Traced) -> bool:
        return named.label is not None and (depth is not None or not named.label.primitive)

    opened = formula(node, folds)
    while isinstance(opened, Symbol) and opened.node.arguments:  # a name of a name says nothing
        opened = formula(opened.node, folds)
    return opened


def _fingerprint(node: Traced, opened: Any) -> str:
    return f"{node.label.symbol if node.label else ''} {node.value} {lines(opened, TEXT)}"


def _named(part: Any) -> Iterator[Traced]:
    """The folded quantities of a formula, in order."""
    if isinstance(part, Symbol):
        if part.node.arguments:
            yield part.node
        return
    inside: tuple[Any, ...] = ()
    for attribute in ("terms", "factors", "arguments"):
        inside = getattr(part, attribute, inside)
    for inner in inside:
        yield from _named(inner)


def explain(figure: Any, depth: int | None = None, width: int = 100) -> str:
    """The explanation of a figure, as text.

    Args:
        figure: what ``explained()`` of a report returned, or a report, whose main figure is taken.
        depth: levels of names to open; see :func:`steps`.
        width: columns of the window.

    Raises:
        InputError: for what has no derivation.
    """
    chosen = figure.explained() if hasattr(figure, "explained") else figure
    if not isinstance(chosen, Traced) or chosen.label is None:
        raise InputError(f"figure: got {given(figure)}; expected a report, or what its explained() returns")
    return as_text(chosen, depth, width)


def as_text(figure: Traced, depth: int | None = None, width: int = 100) -> str:
    """An explanation for a terminal: one block per quantity, no line longer than ``width``."""
    return "\n\n".join(_block(step, width) for step in steps(figure, depth))


def _block(step: Step, width: int) -> str:
    name = step.label.symbol
    pad = " " * min(len(name), max(2, width // 2 - 12))  # a long name in a narrow window leaves room for figures
    out = textwrap.wrap(" > ".join(step.path[1:]), width) if len(step.path) > 2 else []
    terms = step.formula.terms if isinstance(step.formula, Sum) else ()
    tags = [", ".join(dict.fromkeys(term.parts)) for term in terms] if len(terms) > 1 else []
    figure = _figure(step.value)
    value = f"{figure}{' ' + step.label.unit if step.label.unit else ''}"
    if lines(step.formula, TEXT) == [figure]:
        out += _folded(f"{name} = {value}", width)
    else:
        out += _tagged_equation(name, lines(step.formula, TEXT), tags, width)
        numbers = lines(step.formula, NUMBERS)
        if numbers != [figure]:
            out += _equation(pad, numbers, width)
        out += _folded(f"{pad} = {value}", width)
    above = f"{', '.join(dict.fromkeys(step.above))}: see above" if step.above else ""
    remarks = [step.label.note, step.label.source, above]
    indent = pad + "   "
    for line in textwrap.wrap("; ".join(filter(None, remarks)), max(12, width - len(indent))):
        out.append(indent + line)
    return "\n".join(out)


def _figure(value: Any) -> str:
    """A value as formulas write numbers: counts in full, measures with six digits."""
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


def _tagged_equation(left: str, terms: list[str], tags: list[str], width: int) -> list[str]:
    """An equation with one term to a line and beside it the part that it belongs to, where parts are known."""
    if not any(tags):
        return _equation(left, terms, width)
    rows = [_folded(f"{left} = {terms[0]}", width)]
    rows += [_folded(" " * (len(left) + 1) + term, width) for term in terms[1:]]
    widest = max(len(row[-1]) for row, tag in zip(rows, tags, strict=True) if tag)
    column = min(3 + widest, width - max(map(len, tags)))
    return [line for row, tag in zip(rows, tags, strict=True) for line in _beside(row, tag, column, width)]


def _beside(row: list[str], tag: str, column: int, width: int) -> list[str]:
    """The lines of a term with a tag after the last, in its column if there is room, else on a line of its own."""
    *above, last = row
    if not tag:
        return row
    if len(last) < column:
        return [*above, f"{last:<{column}}{tag}"]
    if len(last) + 3 + len(tag) <= width:
        return [*above, f"{last}   {tag}"]
    return [*row, *(f"{' ' * max(0, column)}{piece}" for piece in textwrap.wrap(tag, max(8, width - max(0, column))))]


def _equation(left: str, terms: list[str], width: int) -> list[str]:
    """``left = a + b + c``, as many terms to a line as fit."""
    rows, row = [], f"{left} = {terms[0]}"
    blank = " " * (len(left) + 1)
    for term in terms[1:]:
        if len(row) + 1 + len(term) > width:
            rows.append(row)
            row = f"{blank}{term}"
        else:
            row = f"{row} {term}"
    return [piece for line in [*rows, row] for piece in _folded(line, width)]


def _folded(line: str, width: int) -> list[str]:
    """A line cut at its factors until no piece is wider than the window; what follows stands under the first factor."""
    start = line.find(" = ") + 3 if not line.startswith(" ") else len(line) - len(line.lstrip()) + 2
    longest = max(map(len, line.split()), default=0)
    if longest > width:
        line = " ".join(word if len(word) <= width else word.replace("(", "( ") for word in line.split(" "))
        longest = max(map(len, line.split()))
    indent = " " * max(0, min(start, width // 2, width - longest))
    return textwrap.wrap(line, width, subsequent_indent=indent) or [line]


def as_latex(figure: Traced, depth: int | None = None) -> str:
    """An explanation as LaTeX: one ``align*`` per quantity."""
    return "\n\n".join(_paragraph(step) for step in steps(figure, depth))


def _paragraph(step: Step) -> str:
    """A heading line, the equation, and what there is to say about it."""
    heading = rf"\noindent\textbf{{{_plain_tex(' > '.join(step.path)).replace('>', '$>$')}}}"
    remark = "; ".join(part for part in (step.label.note, step.label.source) if part)
    return "\n".join(
        filter(None, (heading, _align(step), rf"\noindent\textit{{{_plain_tex(remark)}}}" if remark else ""))
    )


def _align(step: Step) -> str:
    symbol = step.label.symbol.replace("_", r"\_")
    unit = rf"\ \text{{{step.label.unit}}}" if step.label.unit else ""
    value = _figure(step.value).replace(",", "{,}")
    terms = lines(step.formula, LATEX)
    parts = [", ".join(dict.fromkeys(term.parts)) for term in getattr(step.formula, "terms", ())]
    tags = parts if len(parts) == len(terms) > 1 else [""] * len(terms)
    shown = [f"{term} && \\text{{{_plain_tex(tag)}}}" if tag else term for term, tag in zip(terms, tags, strict=True)]
    join = r" \\" + "\n&\\quad "
    rows = [
        rf"\mathrm{{{symbol}}} &= " + join.join(shown),
        "&= " + join.join(lines(step.formula, LATEX_NUMBERS)),
        f"&= {value}{unit}",
    ]
    body = " \\\\\n".join(rows)
    return f"\\begin{{align*}}\n{body}\n\\end{{align*}}"


def _plain_tex(text: str) -> str:
    """Words as LaTeX text."""
    return text.replace("_", r"\_").replace("&", r"\&").replace("%", r"\%")


def as_markdown(figure: Traced, depth: int | None = None) -> str:
    """An explanation as Markdown with display formulas (``$$``), one heading per quantity."""
    blocks = []
    for step in steps(figure, depth):
        heading = f"{'#' * min(6, 1 + len(step.path))} {step.label.symbol}"
        remark = "; ".join(part for part in (step.label.note, step.label.source) if part)
        formula_text = _align(step).replace("align*", "aligned")
        blocks.append("\n\n".join(part for part in (heading, remark, f"$$\n{formula_text}\n$$") if part))
    return "\n\n".join(blocks)


FORMS: dict[str, Callable[[Traced, int | None], str]] = {
    "text": lambda figure, depth: as_text(figure, depth, window()),
    "latex": as_latex,
    "markdown": as_markdown,
}
"""How explanations are written, by ``--format``; text is as wide as the window."""


def as_dict(figure: Traced, depth: int | None = None) -> list[dict[str, Any]]:
    """An explanation as plain data, for JSON."""
    return [
        {
            "path": list(step.path),
            "symbol": step.label.symbol,
            "unit": step.label.unit,
            "note": step.label.note,
            "source": step.label.source,
            "formula": " ".join(lines(step.formula, TEXT)),
            "substituted": " ".join(lines(step.formula, NUMBERS)),
            "latex": " ".join(lines(step.formula, LATEX)),
            "latex_substituted": " ".join(lines(step.formula, LATEX_NUMBERS)),
            "expression": " ".join(lines(step.formula, PYTHON)),
            "symbols": symbols_of(step.formula),
            "value": step.value,
        }
        for step in steps(figure, depth)
    ]
