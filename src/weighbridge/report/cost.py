"""What a report says of the cost of a run."""

from __future__ import annotations

from weighbridge.estimate.costing import Costing
from weighbridge.report.document import Column, Row, Table
from weighbridge.report.time import seconds, share
from weighbridge.units import gigabytes, short_count, thousands, three_digits

DAY, HOUR, MINUTE = 86_400, 3600, 60


def long(value: float) -> str:
    """A duration for people: ``113 days``, ``3.09 h``, ``12.5 min``, ``5.60 s``."""
    for unit, size in (("days", DAY), ("h", HOUR), ("min", MINUTE)):
        if value >= 2 * size:
            return f"{value / size:,.3g} {unit}" if value < 1000 * size else f"{value / size:,.0f} {unit}"
    return seconds(value)


def dollars(value: float) -> str:
    """``$110,727,733``; with cents below a hundred."""
    return f"${value:,.0f}" if value >= 100 else f"${value:,.2f}"


def mass(kilograms: float) -> str:
    """``5,636 t``, ``8,450 kg``, ``12.3 kg``."""
    if kilograms >= 10_000:
        return f"{kilograms / 1000:,.0f} t"
    return f"{kilograms:,.0f} kg" if kilograms >= 100 else f"{kilograms:.3g} kg"


def table(cost: Costing) -> Table:
    """Every figure with what it rests on."""
    run = cost.run
    rows = [
        _row("time", long(run.seconds), f"{long(run.busy_seconds)} without interruptions and checkpoints"),
        _row("steps", thousands(run.steps), f"of {run.tokens_per_step:,} tokens, {seconds(run.step_seconds)} each"),
        _row("GPU hours", f"{run.gpu_hours:,.0f}", f"{run.gpus:,} GPUs held all the time"),
        *_money(cost),
        *_energy(cost),
        *_interruptions(cost),
    ]
    columns = (Column("what", False, whole=True), Column("figure"), Column("", False))
    return Table(columns, tuple(rows), f"What training on {short_count(run.tokens)} tokens takes")


def _row(name: str, figure: str, how: str, strong: bool = False) -> Row:
    return Row((name, figure, how), strong=strong)


def _money(cost: Costing) -> list[Row]:
    run, source = cost.run, cost.sources["price_per_gpu_hour"]
    if run.dollars is None or run.dollars_per_billion_parameters is None:
        return [_row("price", "-", f"{source}; give --price")]
    price = f"at ${run.price_per_gpu_hour:,.2f} per GPU and hour: {source}"
    each = f"for each of {run.parameters / 1e9:,.3g} billion"
    return [
        _row("price", dollars(run.dollars), price, strong=True),
        _row("per billion parameters", dollars(run.dollars_per_billion_parameters), each),
    ]


def _energy(cost: Costing) -> list[Row]:
    run, sources = cost.run, cost.sources
    if run.energy_kwh is None or run.co2_kg is None:
        return [_row("energy", "-", sources["mean_watts"])]
    watts = f"{run.mean_watts:,.0f} W a GPU on average, {sources['mean_watts']}"
    site = f"PUE {run.pue:g}: {sources['pue']}"
    grid = f"{run.grid_kg_per_kwh:g} kg per kWh: {sources['grid_kg_per_kwh']}"
    return [
        _row("energy", three_digits(1000 * run.energy_kwh, "Wh"), f"{watts}; {site}"),
        _row("CO2", mass(run.co2_kg), grid),
    ]


def _interruptions(cost: Costing) -> list[Row]:
    run, sources = cost.run, cost.sources
    often = f"one in {long(run.mtbf_seconds)}; {run.mtbf_gpu_hours:,.0f} hours of a GPU between two"
    rate = f"at {gigabytes(round(run.storage_bytes_per_second))}/s: {sources['storage_bytes_per_second']}"
    return [
        _row("goodput", share(run.goodput, 1), "of the time makes steps that count"),
        _row("interruptions", f"{run.interruptions:,.3g}", f"{often}: {sources['mtbf_gpu_hours']}"),
        _row("  to go on", long(run.recovery_seconds), f"until the checkpoint is read: {sources['restart_seconds']}"),
        _row("checkpoint", gigabytes(run.checkpoint_bytes), "weights and the optimizer's states, each once"),
        _row("  written in", seconds(run.checkpoint_seconds), rate),
        _row("  every", long(run.checkpoint_interval), "of training, which loses least (Daly 2006, eq. 37)"),
    ]
