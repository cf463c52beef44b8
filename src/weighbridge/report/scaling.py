"""What scaling laws say, as a document: the answer, laws side by side, what each was fitted on."""

from __future__ import annotations

from collections.abc import Callable

from weighbridge.estimate.middle import Middle
from weighbridge.estimate.scaling import FAR, Answer, Outside, Scaling
from weighbridge.laws.law import Law, Span
from weighbridge.laws.uncertainty import LEVEL, Interval
from weighbridge.report.document import Column, Document, Row, Table
from weighbridge.units import short_count

UNCOMPARED = "losses of different laws are of different texts and tokenizers: compare them within a law"


def count(value: float) -> str:
    """A count with three digits: ``67.8 B``."""
    if value >= 1e18:
        return power_of_ten(value)
    return short_count(value)


def power_of_ten(value: float, digits: int = 2) -> str:
    """FLOPs with three digits: ``5.76e23``, ``6.00e18``."""
    mantissa, _, exponent = f"{value:.{digits}e}".partition("e")
    return f"{mantissa}e{int(exponent)}"


def short_power(value: float) -> str:
    """The same without zeros at the end: ``6e18``."""
    mantissa, _, exponent = power_of_ten(value).partition("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{exponent}"


def plain(value: float) -> str:
    """A small number with three digits and no unit: ``20.9``, ``0.408``, ``1,920``, ``1.9e-5``."""
    if 0 < value < 0.01:
        return short_power(value)
    digits = 3 if value < 1 else 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:,.{digits}f}"


def document(result: Scaling) -> Document:
    """The whole report."""
    tables = [_laws(result)]
    tables += [_off(result)] if result.question.allocated else []
    tables += [_lifetimes(result)] if any(answer.lifetime for answer in result.answers) else []
    tables += [_intervals(result)] if any(answer.intervals for answer in result.answers) else []
    tables += [_extras(result)] if any(answer.extras for answer in result.answers) else []
    tables.append(_fitted(result))
    return Document(_title(result), _subtitle(result), tuple(_facts(result)), tuple(tables), tuple(_notes(result)))


def _title(result: Scaling) -> str:
    asked = result.question
    given = [
        f"{short_power(asked.compute)} FLOPs" if asked.compute is not None else "",
        f"{count(asked.parameters)} parameters" if asked.parameters is not None else "",
        f"{count(asked.tokens)} tokens" if asked.tokens is not None else "",
    ]
    return " and ".join(part for part in given if part)


def _subtitle(result: Scaling) -> str:
    number = len(result.answers)
    what = "a model trained on tokens" if result.question.allocated else "compute-optimal training"
    return f"{what} by {number} scaling law{'s' if number != 1 else ''}"


def _facts(result: Scaling) -> list[tuple[str, ...]]:
    facts = _answer(result)
    served = [answer for answer in result.answers if answer.lifetime]
    if served:
        one = min(served, key=lambda answer: answer.law.name != "sardana")
        assert one.lifetime is not None
        best, tokens = one.lifetime.best, count(one.lifetime.served)
        facts.append(
            f"serving {tokens} tokens: {count(best.parameters)} parameters on {count(best.tokens)} tokens have the "
            f"same loss for {100 * one.lifetime.saved:.1f} % less compute in all ({one.law.name})"
        )
    if result.rate is not None:
        rate = result.rate
        each = short_power(rate.cluster.device.peak(rate.precision))
        per_hour = f", {rate.price:,.2f} dollars per GPU and hour" if rate.price is not None else ""
        facts += [_cost(result.answers[0])] if result.one_budget else []
        facts.append(f"on {rate.cluster} at {100 * rate.mfu:.3g} % of {each} FLOP/s each ({rate.precision}){per_hour}")
    return [(fact,) for fact in facts]


def _answer(result: Scaling) -> list[str]:
    """The answer first: the middle of the laws and their range."""
    answers = result.answers
    many = len(answers) > 1
    middle = f" in the middle of {len(answers)} laws" if many else f" by {answers[0].law.name}"
    if (ratio := result.times_optimal) is not None:
        facts = [f"the model has {plain(ratio.middle)} times the parameters of its compute's optimum{middle}"]
        return facts + ([f"from {plain(ratio.low)} to {plain(ratio.high)} times"] if many else [])
    sizes, tokens = result.parameters, result.tokens
    facts = [f"{count(sizes.middle)} parameters on {count(tokens.middle)} tokens{middle}"]
    spread = [_spread(sizes, "parameters"), _spread(tokens, "tokens")]
    found = ", ".join(part for part in spread if part)
    return facts + ([f"from {found}"] if many and found else [])


def _spread(values: Middle, unit: str) -> str:
    low, high = count(values.low), count(values.high)
    return "" if low == high else f"{low} to {high} {unit}"


def _cost(answer: Answer) -> str:
    cost = answer.cost
    assert cost is not None
    dollars = f", {money(cost.dollars)}" if cost.dollars is not None else ""
    return f"{plain(cost.days)} days, {count(cost.gpu_hours)} GPU hours{dollars}"


def money(value: float) -> str:
    """Dollars with three digits: ``$1.62 M``."""
    return f"${count(value)}"


def _laws(result: Scaling) -> Table:
    """Laws side by side."""
    priced = result.rate is not None and result.rate.price is not None
    columns = [
        Column("law", False, whole=True),
        Column("parameters"),
        Column("tokens"),
        Column("per parameter", optional=True),
        *([] if result.one_budget else [Column("FLOPs")]),
        Column("loss"),
        *([Column("days")] if result.rate else []),
        *([Column("GPU hours", optional=True)] if result.rate and not priced else []),
        *([Column("dollars")] if priced else []),
        Column("outside its runs", False, whole=True),
    ]
    return Table(tuple(columns), tuple(Row(_cells(answer, priced, result.one_budget)) for answer in result.answers))


def _cells(answer: Answer, priced: bool, one_budget: bool) -> tuple[str, ...]:
    cost = answer.cost
    times = [plain(cost.days)] if cost else []
    times += [count(cost.gpu_hours)] if cost and not priced else []
    times += [money(cost.dollars)] if cost and cost.dollars is not None else []
    return (
        answer.law.name,
        count(answer.model.parameters),
        count(answer.model.tokens),
        plain(answer.tokens_per_parameter),
        *([] if one_budget else [power_of_ten(answer.compute)]),
        "-" if answer.loss is None else f"{answer.loss:.3f}",
        *times,
        _beyond(answer),
    )


def _beyond(answer: Answer) -> str:
    """``inside``, ``x 44``, or ``far: x 1,920``."""
    if not answer.outside:
        return "inside"
    times = answer.outside[0].times
    return f"{'far: ' if answer.far else ''}x {plain(times)}"


def _off(result: Scaling) -> Table:
    """How far the model is from the optimum of the same budget."""
    columns = (
        Column("law", False, whole=True),
        Column("optimal parameters"),
        Column("optimal tokens"),
        Column("loss then"),
        Column("same loss for", optional=True),
        Column("of its FLOPs"),
    )
    rows = []
    for answer in result.answers:
        if answer.best is None:
            continue
        equal = answer.equal_budget
        share = "-" if answer.equal_share is None else f"{100 * answer.equal_share:.1f} %"
        cells = (
            answer.law.name,
            count(answer.best.parameters),
            count(answer.best.tokens),
            "-" if answer.best_loss is None else f"{answer.best_loss:.3f}",
            "-" if equal is None else power_of_ten(equal),
            share,
        )
        rows.append(Row(cells))
    return Table(columns, tuple(rows), "How far from the optimum of the same compute")


def _lifetimes(result: Scaling) -> Table:
    """The model of least compute over training and inference."""
    columns = (
        Column("law", False, whole=True),
        Column("in place of", optional=True),
        Column("parameters"),
        Column("tokens"),
        Column("training FLOPs"),
        Column("in all"),
        Column("saved"),
    )
    rows = []
    for answer in result.answers:
        if answer.lifetime is None:
            continue
        life, best = answer.lifetime, answer.lifetime.best
        cells = (
            answer.law.name,
            count(life.reference.parameters),
            count(best.parameters),
            count(best.tokens),
            power_of_ten(answer.law.compute(best.parameters, best.tokens)),
            power_of_ten(life.flops(best)),
            f"{100 * life.saved:.1f} %",
        )
        rows.append(Row(cells))
    served = next(count(answer.lifetime.served) for answer in result.answers if answer.lifetime)
    title = f"Equal loss for the least compute in training and serving {served} tokens (Sardana et al. 2023)"
    return Table(columns, tuple(rows), title)


def _intervals(result: Scaling) -> Table:
    columns = (
        Column("law", False, whole=True),
        Column("optimal parameters"),
        Column("optimal tokens"),
        Column("per parameter"),
        Column("loss"),
    )
    rows = []
    for answer in result.answers:
        if answer.intervals is None:
            continue
        of, loss = answer.intervals, answer.intervals.loss
        cells = (
            answer.law.name,
            _between(of.parameters),
            _between(of.tokens),
            f"{plain(of.ratio.low)} to {plain(of.ratio.high)}",
            f"{loss.low:.3f} to {loss.high:.3f}",
        )
        rows.append(Row(cells))
    return Table(columns, tuple(rows), f"{100 * LEVEL:.0f} % intervals, from the uncertainty of the constants")


def _between(interval: Interval) -> str:
    return f"{count(interval.low)} to {count(interval.high)}"


def _extras(result: Scaling) -> Table:
    rows = [
        Row((answer.law.name, extra.name, f"{_figure(extra.value)} {extra.unit}".strip()))
        for answer in result.answers
        for extra in answer.extras
    ]
    columns = (Column("law", False, whole=True), Column("figure", False), Column("optimum", False, whole=True))
    return Table(columns, tuple(rows), "Further figures of this budget")


def _figure(value: float) -> str:
    return f"{value:.2e}" if value < 0.01 else count(value)


def _fitted(result: Scaling) -> Table:
    """What each law was fitted on, and where the answer lies."""
    columns = (
        Column("law", False, whole=True),
        Column("runs", False),
        Column("this answer lies", False),
    )
    rows = []
    for answer in result.answers:
        lies = "; ".join(map(_lies, answer.outside)) or "inside"
        rows.append(Row((answer.law.name, runs(answer.law), lies)))
    return Table(
        columns, tuple(rows), "What the laws were fitted on", "sources of the constants: weighbridge scaling laws"
    )


def runs(law: Law) -> str:
    """The runs of a law in a few words: ``6e18 to 3e21 FLOPs, 70.0 M to 16.0 B parameters``."""
    fitted = law.fitted
    parts = [
        _spanned(fitted.compute, "FLOPs", short_power),
        _spanned(fitted.parameters, law.counts, count),
        _spanned(fitted.tokens, "tokens", count),
    ]
    return f"{', '.join(part for part in parts if part)} ({law.data})"


def _spanned(span: Span | None, unit: str, written: Callable[[float], str]) -> str:
    if span is None:
        return ""
    return f"{written(span.low)} to {written(span.high)} {unit}"


def _lies(outside: Outside) -> str:
    way = "above" if outside.value > outside.span.high else "below"
    far = "far " if outside.far else ""
    return f"{outside.quantity} {far}{way}, {plain(outside.times)} times"


def _notes(result: Scaling) -> list[str]:
    answers, asked = result.answers, result.question
    notes = []
    out = [answer for answer in answers if answer.outside]
    far = [answer.law.name for answer in answers if answer.far]
    if out:
        limits = f"more than {FAR['compute']:.0f} times in FLOPs or {FAR['tokens']:.0f} in parameters or tokens"
        if len(answers) > 1:
            beyond = f"; far outside ({limits}): {', '.join(far)}" if far else ""
            notes.append(f"{len(out)} of {len(answers)} laws extrapolate beyond the runs they were fitted on{beyond}")
        else:
            beyond = f", far ({limits})" if far else ""
            notes.append(f"{answers[0].law.name} extrapolates beyond the runs it was fitted on{beyond}")
    notes += [_repeats(answer) for answer in answers if answer.passes is not None]
    if asked.unique_tokens is not None:
        if result.unrepeated:
            notes.append(
                f"these know no repetition and take more tokens than the {count(asked.unique_tokens)} that there are: "
                f"{', '.join(result.unrepeated)}"
            )
        if asked.inference_tokens is not None:
            notes.append("tokens served are left out: no law joins them with repetition")
    losses = sum(answer.loss is not None for answer in answers)
    notes += [UNCOMPARED] if losses > 1 else []
    notes += ["no loss (-): the law has none for that allocation"] if losses < len(answers) else []
    notes += [f"{answer.law.name}: {answer.law.note}" for answer in answers if answer.law.note]
    if result.rate is not None:
        notes.append(f"the utilization of {result.rate.mfu:g} and the price are yours; days are without interruptions")
    return notes


def _repeats(answer: Answer) -> str:
    assert answer.passes is not None
    return f"{answer.law.name}: {plain(answer.passes)} passes over the unique tokens"
