"""The error bands that reports print, from scored rows: what becomes of ``src/weighbridge/estimate/bands.toml``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from statistics import median

from benchmarks.rows import Row
from benchmarks.score import LARGE, Scored, counted, of_time, percentile, summary, worst
from weighbridge.estimate import bands as kinds
from weighbridge.formats.loading import load

FIGURES = {
    "peak_allocated": "max_allocated",
    "peak_reserved": "max_reserved",
    "static_allocated": "allocated",
    "device_total": "device",
}
"""Figures of a report, and the counter that each is measured by."""

SERVED = {"served_allocated": "max_allocated", "ttft_seconds": "ttft_seconds", "tpot_seconds": "tpot_seconds"}
"""Figures of a report on inference, and the counter that each is measured by."""

STEP = "step_seconds"
"""The figure of a report that every counter of time measures: of a rate, by the time that it comes to."""

UNLIKE = ("formula", "fine-tuning", "local")
"""Kinds of rows that say nothing of how far estimates of training are from measurements."""

Chosen = Callable[[Scored], bool]


def bands(scored: Sequence[Scored]) -> str:
    """The error bands as TOML: of all measured runs, and of narrower kinds of them.

    A run counts once, with the rank that is furthest off. Figures that a source computed, and runs whose recipe may
    have changed since, do not count.
    """
    measured = [each for each in counted(scored) if each.row["current"] and each.row["kind"] not in UNLIKE]
    measured = [each for each in measured if each.row["kind"] != "serving"]
    chosen = worst(measured, len(measured))
    text = "# Written by `make accuracy`: how far estimates were from measured runs, in percent of the measurement.\n"
    for figure, counter in FIGURES.items():
        rows = [each for each in chosen if each.row["counter"] == counter]
        for name, own in parts(figure, rows):
            found = summary(own)
            if found:
                text += _band(name, found.n, found.median, found.p90)
    tuned = [each for each in counted(scored) if each.row["kind"] == "fine-tuning"]
    text += _bands_of_tuning(worst(tuned, len(tuned)))
    own = [each for each in counted(scored) if each.estimated is not None]
    text += _bands_of_time(of_time(measured), of_time(tuned))
    text += _bands_of_serving([each for each in own if each.row["kind"] == "serving"])
    return text + _bands_of_local([each for each in counted(scored) if each.row["kind"] == "local"])


def parts(figure: str, rows: Sequence[Scored]) -> Iterator[tuple[str, list[Scored]]]:
    """Tables of a figure and the runs in each: all, those of each framework, and narrower kinds of both."""
    above = {figure: list(rows)} | by_framework(figure, rows)
    for name, own in above.items():
        yield name, own
        for ranks in (kinds.ONE, kinds.SEVERAL):
            on = [each for each in own if ranks_of(each.row) == ranks]
            yield f"{name}.{ranks}", on
            yield f"{name}.{ranks}.{kinds.LARGE}", _large(on)
            for model in (kinds.DENSE, kinds.EXPERTS):
                of = [each for each in on if model_of(each.row) == model]
                yield f"{name}.{ranks}.{model}", of
                yield f"{name}.{ranks}.{model}.{kinds.LARGE}", _large(of)


def by_framework(figure: str, rows: Sequence[Scored]) -> dict[str, list[Scored]]:
    """Tables of frameworks and the runs in each."""
    families = sorted({family_of(each.row) for each in rows})
    return {f"{figure}.{kinds.BY_FRAMEWORK}.{one}": [r for r in rows if family_of(r.row) == one] for one in families}


def _large(rows: Sequence[Scored]) -> list[Scored]:
    return [each for each in rows if each.measured > LARGE]


def family_of(row: Row) -> str:
    """The family of the framework that ran: "hf" of "hf-flash"."""
    return "megatron" if row["kind"] == "megatron" else kinds.family(str(row["plan"]["framework"]))


def ranks_of(row: Row) -> str:
    """Whether it ran on one GPU or on several."""
    return kinds.SEVERAL if (row["gpus"] or 1) > 1 else kinds.ONE


def model_of(row: Row) -> str:
    """Whether its model has experts."""
    if row["kind"] == "megatron":
        sparse = any(word.partition("=")[0] == "--num-experts" for word in row.get("arguments", ()))
    else:
        model = row.get("model", {})
        sparse = _named(model) if isinstance(model, str) else any("expert" in field for field in model)
    return kinds.EXPERTS if sparse else kinds.DENSE


@cache
def _named(model: str) -> bool:
    return any(node.together for node in load(model).tree.walk())


def _band(name: str, n: int, median: float, p90: float) -> str:
    return f"\n[{name}]\nn = {n}\nmedian = {median:.2f}\np90 = {p90:.2f}\n"


def _bands_of_tuning(chosen: Sequence[Scored]) -> str:
    """Of memory where a few weights are trained, by framework."""
    text = ""
    for figure, counter in FIGURES.items():
        rows = [each for each in chosen if each.row["counter"] == counter]
        for name, own in by_framework(f"{figure}.{kinds.TUNED}", rows).items():
            found = summary(own)
            if found:
                text += _band(name, found.n, found.median, found.p90)
    return text


def _bands_of_time(measured: Sequence[Scored], tuned: Sequence[Scored]) -> str:
    """Without Megatron-LM's functional tests, whose steps of a tenth of a second are the host's more than the GPU's."""
    estimated = [each for each in measured if each.estimated is not None and each.row["kind"] != "megatron"]
    adapting = [e for e in tuned if e.estimated is not None and e.row["tuning"]["method"] != "full"]
    tables = {STEP: estimated} | by_framework(STEP, estimated) | by_framework(f"{STEP}.{kinds.TUNED}", adapting)
    sizes = {name: [abs(each.off_in_time) for each in own] for name, own in tables.items()}
    return "".join(_band(name, len(own), median(own), percentile(own, 90)) for name, own in sizes.items() if own)


def _bands_of_serving(measured: Sequence[Scored]) -> str:
    """Of what a deployment takes and what its users wait for: all engines, and each."""
    text = ""
    for figure, counter in SERVED.items():
        rows = [each for each in measured if each.row["counter"] == counter]
        engines = sorted({each.row["serving"]["engine"] for each in rows})
        own = {figure: rows} | {
            f"{figure}.{kinds.BY_FRAMEWORK}.{one}": [each for each in rows if each.row["serving"]["engine"] == one]
            for one in engines
        }
        for name, some in own.items():
            found = summary(some)
            if found:
                text += _band(name, found.n, found.median, found.p90)
    return text


def _bands_of_local(rows: Sequence[Scored]) -> str:
    """Of models on one's own devices: tokens/s made, and of a prompt."""
    text = ""
    for counter in ("decode_tokens_per_second", "prompt_tokens_per_second"):
        found = summary([each for each in rows if each.row["counter"] == counter])
        if found:
            text += _band(counter, found.n, found.median, found.p90)
    return text
