"""The catalogue of scaling laws, and a fitted law, as documents."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from weighbridge.estimate.law_fit import Fit
from weighbridge.laws.law import Law
from weighbridge.laws.parametric import Parametric
from weighbridge.laws.uncertainty import Interval
from weighbridge.report.document import Column, Document, Row, Table
from weighbridge.report.scaling import count, plain, power_of_ten, runs


def catalogue(laws: Sequence[Law]) -> Document:
    """Every law with its source and the runs behind it."""
    columns = (Column("law", False, whole=True), Column("fitted on", False), Column("constants", False))
    rows = tuple(Row((law.name, runs(law), law.source)) for law in laws)
    notes = tuple(f"{law.name}: {law.note}" for law in laws if law.note)
    return Document("Scaling laws", f"{len(laws)} laws", (), (Table(columns, rows),), notes)


def fitted(found: Fit) -> Document:
    """A fitted law: constants with their intervals, what it predicts of its runs, the optimum that follows."""
    law = found.law
    facts = [
        (f"L = {_four(law.e)} + {_four(law.a)} / N^{_four(law.alpha)} + {_four(law.b)} / D^{_four(law.beta)}",),
        (f"residuals {100 * found.error:.2f} % of the loss (root mean square), {len(found.runs):,} runs",),
        (f"optimal parameters grow as C^{law.exponent:.3f}, tokens as C^{1 - law.exponent:.3f}",),
    ]
    names = (("e", "E"), ("a", "A"), ("b", "B"), ("alpha", "alpha"), ("beta", "beta"))
    rows = [_constant(found, shown, lambda one, name=name: getattr(one, name)) for name, shown in names]  # type: ignore[misc]
    rows.append(_constant(found, "beta / (alpha + beta)", lambda one: one.exponent))
    columns = (Column("constant", False, whole=True), Column("value"), Column("80 % interval"))
    table = Table(columns, tuple(rows), "Constants")
    return Document(law.name, law.title, tuple(facts), (table, _optima(found)), _notes(found))


def _constant(found: Fit, shown: str, figure: Callable[[Parametric], float]) -> Row:
    return Row((shown, _four(figure(found.law)), _between(found.interval(figure), plain)))


def _four(value: float) -> str:
    """A constant with four digits: ``0.3421``, ``438.8``, ``2,367``."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"


def _between(interval: Interval | None, written: Callable[[float], str]) -> str:
    return "-" if interval is None else f"{written(interval.low)} to {written(interval.high)}"


def _optima(found: Fit) -> Table:
    """The optimum of the largest run's compute and of 10 and 100 times it."""
    largest = found.law.fitted.compute
    assert largest is not None
    columns = (
        Column("FLOPs"),
        Column("optimal parameters"),
        Column("80 % interval"),
        Column("optimal tokens", optional=True),
        Column("loss"),
    )
    rows = []
    for times in (1, 10, 100):
        compute = largest.high * times
        best = found.law.optimum(compute)
        interval = found.interval(lambda one, compute=compute: one.optimum(compute).parameters)  # type: ignore[misc]
        loss = f"{found.law.loss(best.parameters, best.tokens):.3f}"
        size, data = count(best.parameters), count(best.tokens)
        rows.append(Row((power_of_ten(compute), size, _between(interval, count), data, loss)))
    return Table(columns, tuple(rows), "Optimum of the largest run's compute, and of 10 and 100 times it")


def _notes(found: Fit) -> tuple[str, ...]:
    agreed = f"{found.agreeing:,} of {found.starts:,} starts of the optimizer agree on the best fit"
    draws = f"intervals from {len(found.draws):,} draws of the runs with replacement, seed {found.seed}"
    few = "few starts agree: add --starts 4500" if found.agreeing < 3 and found.starts < 4500 else ""
    return tuple(note for note in (agreed, draws if found.draws else "no intervals: --bootstrap 0", few) if note)
