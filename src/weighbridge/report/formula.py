"""Formulas as people write them: a traced number becomes sums of products, equal terms collected, names folded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from weighbridge.arithmetic import Operator
from weighbridge.traced import Traced

Fold = Callable[[Traced], bool]
"""Whether a named quantity is written as its name."""


@dataclass(frozen=True)
class Symbol:
    """A name in a formula, and the traced number that it stands for."""

    name: str
    node: Traced


@dataclass(frozen=True)
class Term:
    """A whole number times factors, and the small parts (single projections, norms) whose quantity it is."""

    factors: tuple[Any, ...]
    coefficient: int = 1
    parts: tuple[str, ...] = field(default=(), compare=False)


@dataclass(frozen=True)
class Sum:
    """Terms with their signs in their coefficients."""

    terms: tuple[Term, ...]


@dataclass(frozen=True)
class Call:
    """A function of arguments, as the operator table names it."""

    operator: Operator
    arguments: tuple[Any, ...]


def formula(value: Any, fold: Fold, top: bool = True) -> Any:
    """The formula of a traced number: symbols for leaves and folded names, everything else written out.

    Args:
        value: a traced number or a plain one.
        fold: which named quantities appear as their name.
        top: write out the outermost name even if it would fold.
    """
    if not isinstance(value, Traced):
        return value
    if value.operator is None:
        assert value.label is not None
        if not value.arguments or (not top and fold(value)):
            return Symbol(value.label.symbol, value)
        inside = formula(value.arguments[0], fold, top)
        return inside if top else _tagged(inside, value.label.symbol)
    if value.operator.name in ("add", "subtract"):
        return _sum([(sign, formula(part, fold, False)) for sign, part in _spine(value)])
    arguments = [formula(argument, fold, False) for argument in value.arguments]
    if value.operator.name == "multiply":
        return _product(arguments)
    return Call(value.operator, tuple(arguments))


def _spine(value: Any) -> list[tuple[int, Any]]:
    """The terms of ``a + b - c + ...`` with their signs; a sum of thousands of terms is no deeper than one of two."""
    signed: list[tuple[int, Any]] = []
    while isinstance(value, Traced) and value.operator is not None and value.operator.name in ("add", "subtract"):
        value, last = value.arguments[0], (1 if value.operator.name == "add" else -1, value.arguments[1])
        signed.append(last)
    return [(1, value), *reversed(signed)]


def _tagged(part: Any, name: str) -> Any:
    """A part written out, its terms marked as belonging to it; what is marked already keeps its mark."""
    return Sum(tuple(term if term.parts else replace(term, parts=(name,)) for term in _terms(part)))


def _terms(part: Any) -> tuple[Term, ...]:
    if isinstance(part, Sum):
        return part.terms
    if isinstance(part, Term):
        return (part,)
    return (Term((), part),) if isinstance(part, int) else (Term((part,)),)


def _sum(signed: list[tuple[int, Any]]) -> Sum:
    """A sum with equal products collected, in the order in which they first appear."""
    collected: dict[tuple[Any, ...], Term] = {}
    for sign, part in signed:
        for term in _terms(part):
            key = tuple(sorted(map(_key, term.factors)))
            before = collected.get(key)
            coefficient = sign * term.coefficient + (before.coefficient if before else 0)
            parts = (*(before.parts if before else ()), *term.parts)
            collected[key] = Term(before.factors if before else term.factors, coefficient, parts)
    return Sum(tuple(term for term in collected.values() if term.coefficient))


def _product(parts: list[Any]) -> Any:
    """A product with its numbers gathered in front; a sum stays a factor of its own."""
    coefficient = 1
    factors: list[Any] = []
    names: tuple[str, ...] = ()
    for part in parts:
        if isinstance(part, Sum) and len(part.terms) == 1:
            part = part.terms[0]
        if isinstance(part, Term):
            coefficient *= part.coefficient
            factors.extend(part.factors)
            names += part.parts
        elif isinstance(part, int):
            coefficient *= part
        else:
            factors.append(part)
    return Term(tuple(factors), coefficient, names)


def _key(part: Any) -> str:
    """What makes two factors the same: how they are written, and their value (two quantities may share a name)."""
    return written(part, KEYED)


@dataclass(frozen=True)
class Style:
    """How formulas are written.

    Attributes:
        symbol: a symbol.
        number: a plain number.
        template: an operator's template.
        times: between factors.
        brackets: around a part that binds less tightly.
        divides: divisions are written with a sign, so that their arguments may need brackets.
    """

    symbol: Callable[[Symbol], str]
    number: Callable[[Any], str]
    template: Callable[[Operator], str]
    times: str = " * "
    brackets: tuple[str, str] = ("(", ")")
    divides: bool = False


def written(part: Any, style: Style, tight: bool = False) -> str:
    """A formula in a style; ``tight`` puts brackets around a sum."""
    if isinstance(part, Symbol):
        return style.symbol(part)
    if isinstance(part, Call):
        row = part.operator
        if not (style.divides and row.brackets):
            return style.template(row).format(*(written(argument, style) for argument in part.arguments))
        above = row.name != "power"
        return style.template(row).format(*(_argument(a, style, above and not i) for i, a in enumerate(part.arguments)))
    if isinstance(part, Term):
        return _written_term(part, style)
    if isinstance(part, Sum):
        text = joined(lines(part, style))
        return f"{style.brackets[0]}{text}{style.brackets[1]}" if tight and len(part.terms) > 1 else text
    return style.number(part)


def _argument(part: Any, style: Style, above: bool) -> str:
    """An argument beside a division sign: sums in brackets, below the sign products too."""
    text = written(part, style)
    compound = isinstance(part, Sum) and len(part.terms) > 1
    single = part.terms[0] if isinstance(part, Sum) and len(part.terms) == 1 else part
    if not above and isinstance(single, Term):
        compound = compound or len(single.factors) + (single.coefficient != 1) > 1
    return f"{style.brackets[0]}{text}{style.brackets[1]}" if compound else text


def _written_term(term: Term, style: Style) -> str:
    parts = [written(factor, style, tight=True) for factor in term.factors]
    if term.coefficient != 1 or not parts:
        parts.insert(0, style.number(term.coefficient))
    return style.times.join(parts)


def lines(part: Any, style: Style) -> list[str]:
    """The terms of a formula, each with its sign in front (the first only if it is negative)."""
    if not isinstance(part, Sum):
        return lines(Sum(_terms(part)), style) if isinstance(part, Call) else [written(part, style)]
    texts: list[str] = []
    if len(part.terms) == 1 and part.terms[0].coefficient == 1 and len(part.terms[0].factors) == 1:
        part = part.terms[0].factors[0]
        text = written(part, style)
        plain = isinstance(part, Call) and style.divides and part.operator.shown.startswith("(")
        return [text[1:-1] if plain else text]
    for term in part.terms or (Term((), 0),):
        sign = "- " if term.coefficient < 0 else "+ " if texts else ""
        texts.append(sign + _written_term(Term(term.factors, abs(term.coefficient)), style))
    return texts


def joined(parts: list[str]) -> str:
    """Terms on one line."""
    return " ".join(parts)


def _plain_number(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


TEXT = Style(lambda s: s.name, _plain_number, lambda row: row.shown, divides=True)
KEYED = Style(lambda s: f"{s.name}={s.node.value}", repr, lambda row: row.text)
NUMBERS = Style(lambda s: _plain_number(s.node.value), _plain_number, lambda row: row.shown, divides=True)
PYTHON = Style(lambda s: s.name, repr, lambda row: row.text)


def _latex_name(symbol: Symbol) -> str:
    return r"\mathrm{" + symbol.name.replace("_", r"\_") + "}"


def _latex_number(value: Any) -> str:
    digits, _, exponent = _plain_number(value).replace(",", "{,}").partition("e")
    return rf"{digits} \times 10^{{{int(exponent)}}}" if exponent else digits


LATEX = Style(_latex_name, _latex_number, lambda row: row.latex, r" \times ", (r"\left(", r"\right)"))
LATEX_NUMBERS = Style(
    lambda s: _latex_number(s.node.value), _latex_number, lambda row: row.latex, r" \times ", (r"\left(", r"\right)")
)


def symbols_of(part: Any) -> dict[str, Any]:
    """The symbols of a formula and their values: evaluate its Python form with them."""
    if isinstance(part, Symbol):
        return {part.name: part.node.value}
    found: dict[str, Any] = {}
    for attribute in ("terms", "factors", "arguments"):
        for inner in getattr(part, attribute, ()):
            found |= symbols_of(inner)
    return found


def expression(value: Traced) -> str:
    """A traced number written out to its leaves, as a Python expression over the names of its symbols.

    The helpers of :mod:`weighbridge.arithmetic` and the symbols' values evaluate it to the number again.
    """
    return written(formula(value, lambda node: False), PYTHON)


def symbols(value: Traced) -> dict[str, Any]:
    """Every leaf symbol of a traced number and its value.

    Raises:
        ValueError: if one name stands for two values.
    """
    found: dict[str, Any] = {}
    waiting: list[Any] = [value]
    while waiting:
        node = waiting.pop()
        if not isinstance(node, Traced):
            continue
        if node.operator is None and not node.arguments and node.label is not None:
            name = node.label.symbol
            if found.setdefault(name, node.value) != node.value:
                raise ValueError(f"the symbol {name} stands for {found[name]:,} and for {node.value:,}")
        waiting.extend(node.arguments)
    return found
