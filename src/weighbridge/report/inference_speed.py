"""What users of a deployment get: how soon, how fast, at what price."""

from __future__ import annotations

from collections.abc import Iterator

from weighbridge.estimate.bands import BY_FRAMEWORK, Band, narrowest, percent
from weighbridge.estimate.inference.energy import energy_per_million
from weighbridge.estimate.inference.inference import Inference
from weighbridge.parallel.engine import ENGINES
from weighbridge.report.document import Column, Row, Table
from weighbridge.report.time import seconds
from weighbridge.units import three_digits

BANDED = {"ttft_seconds": "times to the first token", "tpot_seconds": "times per token"}
"""Figures that bands may be known of, and their names for people."""

UNPRICED = "no price of the device is known; give --price"


def table(inference: Inference) -> Table:
    """First token, each next, throughput, dollars and energy."""
    serving = inference.serving
    users = f"{serving.batch:,} at once" if serving.batch > 1 else "alone"
    unfit = ", if it fitted" if inference.memory.fits is False else ""
    columns = (Column("what", False, whole=True), Column("figure"), Column("", False, optional=True))
    remark = "\n".join(map(sentence, bands(inference)))
    rows = (*_latency(inference), *_throughput(inference), *_dollars(inference), *_energy(inference))
    return Table(columns, rows, f"What a user gets, {users}{unfit}", remark)


def bands(inference: Inference) -> list[Band]:
    """How far such times were from measured ones: of its engine, or of all where too few were measured."""
    paths = ((BY_FRAMEWORK, inference.serving.engine.name), ())
    return [band for figure in BANDED if (band := narrowest(figure, paths)) is not None]


def sentence(band: Band) -> str:
    """``half of 643 measured times per token (vLLM) fell within 9.8 % of the estimate, nine in ten within 24.1 %``."""
    engine = ENGINES[band.kind.rpartition(".")[2]].title if BY_FRAMEWORK in band.kind else "any engine"
    of = f"{BANDED[band.attribute]} ({engine})"
    half, most = percent(band.median_percent), percent(band.p90_percent)
    return f"half of {band.n:,} measured {of} fell {half} of the estimate, nine in ten {most}"


def _latency(inference: Inference) -> Iterator[Row]:
    serving = inference.serving
    between = seconds(inference.inter_token)
    yield _row("first token (TTFT)", seconds(inference.ttft), f"{seconds(inference.ttft_alone)} with nobody else", True)
    yield _row(
        "each next token (TPOT)", seconds(inference.tpot), f"{between} where no prompt of others comes between", True
    )
    rate = f"{inference.per_user:,.1f} tokens/s once the first has come"
    yield _row(f"whole answer of {serving.output:,} tokens", seconds(inference.end_to_end), rate)


def _throughput(inference: Inference) -> Iterator[Row]:
    """Tokens per second of all users, of which prompts have as many as there are answers."""
    given = inference.output_per_second
    asked = given * inference.serving.prompt / inference.serving.output
    yield _row("throughput, per GPU", f"{rate(inference.per_gpu)} tokens/s", "of answers", True)
    yield _row("  all GPUs", f"{rate(given)} tokens/s", f"of answers, and {rate(asked)} tokens/s of prompts")


def _dollars(inference: Inference) -> Iterator[Row]:
    cost = inference.cost_per_million
    if cost is None:
        yield _row("price", "-", UNPRICED)
        return
    price = f"at ${inference.hourly:,.2f} per GPU and hour"
    yield _row("price, per million tokens in", f"${money(cost['input'])}", price)
    yield _row("  per million tokens out", f"${money(cost['output'])}", price, True)


def _energy(inference: Inference) -> Iterator[Row]:
    energy = energy_per_million(inference)
    if energy is None:
        return
    yield _row("energy, per million tokens in", watt_hours(energy["input"]), "of the GPUs, by what kernels wait for")
    yield _row("  per million tokens out", watt_hours(energy["output"]), "without hosts, network and cooling")


def _row(name: str, figure: str, how: str, strong: bool = False) -> Row:
    return Row((name, figure, how), strong=strong)


def rate(value: float) -> str:
    """Tokens per second: whole ones from ten on."""
    return f"{value:,.0f}" if value >= 10 else f"{value:.3g}"


def watt_hours(joules: float) -> str:
    """Energy for people: ``106 Wh``, ``9.11 kWh``."""
    hours = joules / 3600
    return three_digits(hours, "Wh") if hours >= 100 else f"{hours:.3g} Wh"


def money(value: float) -> str:
    """Dollars: whole ones from a thousand, cents from one, else three digits."""
    if value >= 1:
        return f"{value:,.0f}" if value >= 1000 else f"{value:,.2f}"
    return f"{value:.3g}" if value >= 1e-4 else f"{value:.6f}"
