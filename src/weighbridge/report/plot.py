"""Pictures of scaling laws by matplotlib (the optional extra ``plot``), which is imported when one is drawn."""

from __future__ import annotations

import io
import math
from typing import Any

from weighbridge.errors import InputError
from weighbridge.estimate.law_fit import Fit
from weighbridge.estimate.scaling import Scaling
from weighbridge.report.curves import budgets, frontier, spread, valley
from weighbridge.report.scaling import count, short_power

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a6a00", "#000000", "#888888", "#8c3b8c")
"""Okabe and Ito 2008, darker where thin lines would fade, and three more; every law has a marker of its own too."""

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "<", ">", "h")

STYLE: Any = {
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "svg.hashsalt": "weighbridge",
    "svg.fonttype": "path",
}


def of_scaling(result: Scaling, form: str) -> bytes:
    """Optimal parameters by compute, and loss by parameters at equal compute, law by law."""

    def draw(figure: Any) -> None:
        left, right = figure.subplots(1, 2, width_ratios=(1, 1))
        _frontiers(left, result)
        _slices(right, result)
        handles, labels = left.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=5, fontsize=8)

    return drawn(draw, form, 6.0)


def of_fit(found: Fit, form: str) -> bytes:
    """Runs beside the fitted law, and what is left of their losses."""

    def draw(figure: Any) -> None:
        left, right = figure.subplots(1, 2)
        _runs(figure, left, found)
        _residuals(right, found)

    return drawn(draw, form, 4.8)


def drawn(draw: Any, form: str, height: float) -> bytes:
    """A picture as bytes, the same every time.

    Raises:
        InputError: without matplotlib.
    """
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError:
        raise InputError("--plot needs matplotlib: pip install weighbridge[plot]") from None
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(11, height), layout="constrained")
        draw(figure)
        out = io.BytesIO()
        nothing = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {}}[form]
        figure.savefig(out, format=form, dpi=130, metadata=nothing)
    return out.getvalue()


def _frontiers(axes: Any, result: Scaling) -> None:
    """Optimal parameters by compute: solid where a law was fitted, dotted beyond."""
    compute = budgets(result)
    for number, answer in enumerate(result.answers):
        colour, marker = _look(number)
        curve = frontier(answer.law, compute)
        sizes, inside = curve.parameters, curve.inside
        axes.plot(compute, sizes, color=colour, linewidth=0.9, linestyle=(0, (1, 1.6)))
        solid = [size if there else math.nan for size, there in zip(sizes, inside, strict=True)]
        axes.plot(compute, solid, color=colour, linewidth=2)
        best = answer.best or answer.model
        label = f"{answer.law.name}: {count(best.parameters)}"
        axes.plot([answer.compute], [best.parameters], color=colour, marker=marker, linestyle="", label=label)
    if result.question.parameters is not None:
        axes.axhline(result.question.parameters, color="#444444", linewidth=0.8, linestyle="--")
    axes.set(xscale="log", yscale="log", xlabel="training compute, FLOPs", ylabel="optimal parameters")
    axes.set_title("Compute-optimal parameters (dotted: beyond the fitted runs)", fontsize=10, loc="left")
    axes.yaxis.set_major_formatter(lambda value, place: count(value))


def _slices(axes: Any, result: Scaling) -> None:
    """Loss above the optimum's by parameters, at the compute of each answer."""
    drawn = 0
    for number, answer in enumerate(result.answers):
        curve = valley(answer)
        if curve is None:
            continue
        drawn += 1
        colour, marker = _look(number)
        axes.plot(curve.parameters, curve.losses, color=colour, linewidth=1.6)
        axes.plot([curve.best], [curve.least], color=colour, marker=marker, linestyle="")
        if answer.best is not None and answer.loss is not None:
            axes.plot([answer.model.parameters], [answer.loss], color=colour, marker=marker, fillstyle="none")
    if not drawn:
        axes.text(0.5, 0.5, "none of these laws has a loss off the optimum", ha="center", transform=axes.transAxes)
    if result.question.parameters is not None:
        axes.axvline(result.question.parameters, color="#444444", linewidth=0.8, linestyle="--")
    asked = {answer.compute for answer in result.answers}
    at = f"{short_power(asked.pop())} FLOPs" if len(asked) == 1 else "each law's compute"
    axes.set(xscale="log", xlabel="parameters", ylabel="predicted loss, nats per token")
    axes.set_title(f"Loss at {at}; filled: the optimum", fontsize=10, loc="left")
    axes.xaxis.set_major_formatter(lambda value, place: count(value))


def _look(number: int) -> tuple[str, str]:
    return COLOURS[number % len(COLOURS)], MARKERS[number % len(MARKERS)]


def _runs(figure: Any, axes: Any, found: Fit) -> None:
    """Runs by compute, coloured by parameters, and the fitted frontier."""
    from matplotlib.colors import LogNorm

    runs, law = found.runs, found.law
    budgets = [law.compute(n, d) for n, d in zip(runs.parameters, runs.tokens, strict=True)]
    dots = axes.scatter(budgets, runs.losses, c=runs.parameters, norm=LogNorm(), cmap="viridis", s=14)
    compute = spread(min(budgets), max(budgets) * 10)
    losses = [law.least_loss(budget) for budget in compute]
    axes.plot(compute, losses, color="#d55e00", linewidth=2, label="optimum of the fitted law")
    axes.axhline(law.e, color="#444444", linewidth=0.8, linestyle="--", label=f"E = {law.e:.3f}")
    axes.set(xscale="log", xlabel="training compute, FLOPs", ylabel="loss, nats per token")
    axes.set_title(f"{len(runs):,} runs", fontsize=10, loc="left")
    axes.legend(fontsize=8)
    bar = figure.colorbar(dots, ax=axes, label="parameters")
    bar.ax.yaxis.set_major_formatter(lambda value, place: count(value))


def _residuals(axes: Any, found: Fit) -> None:
    """What the law leaves of each run's loss."""
    runs, law = found.runs, found.law
    off = [
        100 * (law.loss(n, d) / loss - 1) for n, d, loss in zip(runs.parameters, runs.tokens, runs.losses, strict=True)
    ]
    axes.scatter(runs.losses, off, s=14, color="#0072b2")
    axes.axhline(0, color="#444444", linewidth=0.8)
    axes.set(xlabel="loss of the run, nats per token", ylabel="predicted above the run, %")
    axes.set_title(f"Residuals, {100 * found.error:.2f} % (root mean square)", fontsize=10, loc="left")
