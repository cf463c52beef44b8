"""Deployments side by side as a picture: what each puts on a GPU, and the tokens per second it gets out of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from weighbridge.estimate.inference.comparison import Compared
from weighbridge.report.chart import LOOKS
from weighbridge.report.inference import parts
from weighbridge.report.inference_comparison import row
from weighbridge.report.plot import drawn

GIB = 2**30

HATCHES = {"weights": "", "activations": "//", "kv_cache": "..", "logits_and_loss": "xx", "context": "\\\\"}
"""Patterns beside colours, so that colour is never needed."""


def of_deployments(rows: Sequence[Compared], form: str) -> bytes:
    """Memory of a GPU by what takes it, against what it has, beside tokens per second and GPU."""

    def draw(figure: Any) -> None:
        left, right = figure.subplots(1, 2, sharey=True)
        _memory(left, rows)
        _speed(right, rows)
        handles, labels = left.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=6, fontsize=8)

    return drawn(draw, form, 1.8 + 0.32 * len(rows))


def label(one: Compared) -> str:
    """A deployment in a line."""
    data = row(one)
    return f"{data['model']}, {data['quantisation']}, {data['gpus']:,} x {data['cluster']}"


def _memory(axes: Any, rows: Sequence[Compared]) -> None:
    """Stacked bars, and a mark at what the device has."""
    starts = [0.0] * len(rows)
    places = range(len(rows))
    for key, hatch in HATCHES.items():
        sizes = [parts(one.found.inference)[key] / GIB if one.found else 0.0 for one in rows]
        look = LOOKS[key]
        axes.barh(places, sizes, left=starts, color=look.colour, hatch=hatch, edgecolor="white", label=look.name)
        starts = [start + size for start, size in zip(starts, sizes, strict=True)]
    room = [one.cluster.device.usable_bytes / GIB for one in rows]
    axes.plot(room, places, linestyle="", marker="|", markersize=14, color="#000000", label="what the device has")
    axes.set_yticks(places, [label(one) for one in rows])
    axes.invert_yaxis()
    axes.set(xlabel="GiB")
    axes.set_title("Needed on a GPU", fontsize=10, loc="left")


def _speed(axes: Any, rows: Sequence[Compared]) -> None:
    """Bars of tokens per second and GPU, with the time per token beside them."""
    data = [row(one) for one in rows]
    speeds = [one["tokens_per_second_per_gpu"] or 0.0 for one in data]
    axes.barh(range(len(rows)), speeds, color="#009e73")
    for place, one in enumerate(data):
        tpot = one["tpot_seconds"]
        untold = " cannot be" if one["fits"] is None else " not timed" if one["fits"] else " does not fit"
        words = f" {1000 * tpot:.3g} ms a token" if tpot else untold
        axes.text(speeds[place], place, words, va="center", fontsize=7)
    axes.margins(x=0.25)
    axes.set(xlabel="tokens/s per GPU")
    axes.set_title("Tokens of answers", fontsize=10, loc="left")
