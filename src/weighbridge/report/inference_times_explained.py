"""Figures of a deployment that rest on how long passes take explained: sums of seconds, rates, prices, energy."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

from weighbridge.arithmetic import total
from weighbridge.estimate.explainable import Explainable
from weighbridge.estimate.inference.energy import energy as drawn
from weighbridge.estimate.inference.inference import Inference
from weighbridge.estimate.inference.timing import PassTime
from weighbridge.report.document import Column, Row, Table
from weighbridge.report.inference_tables import MESSAGES, of_pass, waits_for
from weighbridge.report.time import seconds, share
from weighbridge.sums import summed
from weighbridge.traced import Label, Traced, identifier, named, symbol

SPEED = ("end_to_end_seconds", "tokens_per_second_per_gpu", "tokens_per_second_per_user")
"""Figures of a deployment's speed that are opened."""

PRICE = ("dollars_per_million_input", "dollars_per_million_output")
"""Figures of its price."""


def ttft_alone(inference: Inference) -> list[Traced]:
    """The pass of a prompt, operation by operation."""
    note = "time to the first token with nobody else"
    return [_pass(inference.prefill, Label("ttft_alone_seconds", "seconds", note), operations=True)]


def ttft(inference: Inference) -> list[Traced]:
    """The pass of the prompt, and how long it is waited for."""
    own = _pass(inference.prefill, Label("own_pass", "seconds"))
    waits = inference.ttft - inference.ttft_alone
    return [_with(own, "waiting", waits, Label("ttft", "seconds", "time to the first token"))]


def itl(inference: Inference) -> list[Traced]:
    """The pass of a token of each sequence, operation by operation, and the tokens that it gives."""
    return [_between(inference, operations=True)]


def tpot(inference: Inference) -> list[Traced]:
    """From token to token, and the prompts of others that come between."""
    others = inference.tpot - inference.inter_token
    label = Label("tpot", "seconds", "time per token of one user")
    return [_with(_between(inference), "prompts_of_others", others, label)]


def _between(inference: Inference, operations: bool = False) -> Any:
    """Seconds from token to token, with the pass behind them."""
    own: Any = _pass(inference.decode, Label("own_pass", "seconds"), operations)
    return replace(inference.rates, decode_seconds=own).explained("inter_token_seconds")


def _with(own: Any, name: str, more: float, label: Label) -> Any:
    return named(own + symbol(name, more) if more > 0 else own, label)


def _pass(run: PassTime, label: Label, operations: bool = False) -> Traced:
    """Seconds of a pass by kind of module; ``operations``: each of them opens what it is made of."""
    parts = []
    for part, bounds in of_pass(run).items():
        name, inside = identifier(part), _inside(run, part) if operations else {}
        called = {own: f"{identifier(own)}_kernel" if own == part else identifier(own) for own in inside}
        terms = [symbol(called[operation], summed(spent.values())) for operation, spent in inside.items()]
        several = len(terms) > 1
        parts.append(named(total(terms), Label(name, "seconds")) if several else symbol(name, summed(bounds.values())))
    made: Any = named(total(parts), label)
    return cast(Traced, made)


def speed(inference: Inference) -> list[Traced]:
    """What seconds come to."""
    return _figures(inference.rates, SPEED)


def price(inference: Inference) -> list[Traced]:
    """What a million tokens cost."""
    return _figures(inference.rates, PRICE)


def energy(inference: Inference) -> list[Traced]:
    """What a million tokens draw; nothing where no power of the device is known."""
    found = drawn(inference)
    return [] if found is None else _figures(found, found.figures)


def _figures(record: Explainable, names: tuple[str, ...]) -> list[Traced]:
    return [record.explained(name) for name in names if name in record.explainable]


def sums(inference: Inference, line: str) -> Table:
    """What a figure is made of beside the pass."""
    found, alone, name = inference.tpot, inference.inter_token, "time per token"
    rest = "passes of others' prompts that come between"
    if line == "ttft":
        found, alone, name = inference.ttft, inference.ttft_alone, "time to the first token"
        rest = "until the pass that runs has ended, and what others take of the prompt's own"
    rows = [Row(("the pass itself", seconds(alone), share(alone, found)))]
    if found - alone > 0:
        rows.append(Row((rest, seconds(found - alone), share(found - alone, found))))
    rows.append(Row((name, seconds(found), "100.0 %"), strong=True))
    return Table((Column("of", False), Column("time"), Column("share")), tuple(rows), f"{line.upper()}: {name}")


def of_prompt(inference: Inference) -> Table:
    """The pass of a prompt."""
    return _operations(inference.prefill, "a prompt")


def of_token(inference: Inference) -> Table:
    """The pass of a token of each sequence."""
    return _operations(inference.decode, "a token of each sequence")


def _operations(run: PassTime, what: str) -> Table:
    """Every operation of a pass under its kind of module, with all its runs; they add up to the pass."""
    whole = run.seconds
    rows: list[Row] = []
    for part, bounds in of_pass(run).items():
        spent = summed(bounds.values())
        rows.append(Row((part, seconds(spent), share(spent, whole), waits_for(bounds)), part, True))
        rows += _rows(run, part, whole)
    rows.append(Row(("a pass", seconds(whole), "100.0 %", ""), strong=True))
    columns = (Column("part", False, whole=True), Column("time"), Column("share"), Column("waits for", False, True))
    return Table(columns, tuple(rows), f"The pass of {what}, operation by operation (all layers)")


def _rows(run: PassTime, part: str, whole: float) -> list[Row]:
    return [
        Row((f"  {name}", seconds(summed(b.values())), share(summed(b.values()), whole), waits_for(b)), part)
        for name, b in _inside(run, part).items()
    ]


def _inside(run: PassTime, part: str) -> dict[str, dict[Any, float]]:
    """Seconds of the operations of a part by what they wait for, the longest first: messages by name, others by name
    and kind.
    """
    found: dict[str, dict[Any, float]] = {}
    for span in run.spans:
        message = span.bound.value == "network"
        if (message and part == MESSAGES) or (not message and span.kind.value == part):
            bounds = found.setdefault(span.name, {})
            bounds[span.bound] = bounds.get(span.bound, 0.0) + span.seconds
    return dict(sorted(found.items(), key=lambda item: -sum(item[1].values())))
