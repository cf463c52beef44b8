"""The page about accuracy: scores, targets, the rows that are furthest off, and those without an estimate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from statistics import median

from benchmarks.rows import TIME
from benchmarks.score import (
    GIB,
    LARGE,
    Scored,
    Summary,
    counted,
    of_time,
    percentile,
    summary,
    work_error,
    worked,
    worst,
)
from benchmarks.targets import TARGETS, Target

NAMES = {
    "allocated": "allocated between iterations",
    "max_allocated": "maximum allocated",
    "max_active": "maximum active",
    "max_reserved": "maximum reserved",
    "device": "device total",
    "states": "weights, gradients and optimizer",
    "activations": "activations",
    "fits": "fits",
    "step_seconds": "step time",
    "layer_seconds": "time of a layer",
    "tokens_per_second_per_gpu": "tokens/s per GPU",
    "model_tflops_per_gpu": "model TFLOP/s per GPU",
    "hardware_tflops_per_gpu": "hardware TFLOP/s per GPU",
    "mfu": "MFU",
    "hfu": "HFU",
    "ttft_seconds": "first token",
    "tpot_seconds": "each next token",
    "decode_tokens_per_second": "tokens/s made",
    "prompt_tokens_per_second": "tokens/s of a prompt",
}
UNITS = {
    "step_seconds": "s",
    "layer_seconds": "s",
    "tokens_per_second_per_gpu": "tokens/s",
    "model_tflops_per_gpu": "TFLOP/s",
    "hardware_tflops_per_gpu": "TFLOP/s",
    "mfu": "%",
    "hfu": "%",
    "ttft_seconds": "s",
    "tpot_seconds": "s",
    "decode_tokens_per_second": "tokens/s",
    "prompt_tokens_per_second": "tokens/s",
}
TITLES = {
    "megatron": "Megatron-LM",
    "simumax": "SimuMax",
    "system-c": "reference system C",
    "torchtitan": "torchtitan",
    "torchao": "torchao in torchtitan",
    "bigscience": "BigScience",
    "internevo": "InternEvo",
    "papers": "Korthikanti et al. 2022",
    "llm-foundry": "LLM Foundry",
    "bridge": "Megatron-Bridge",
    "nemo": "NeMo",
    "megatron-scaling": "Megatron-LM scaling tables",
    "llama-3": "Llama 3",
    "fms-fsdp": "IBM FSDP",
    "qwen1": "Qwen 1 fine-tuning",
    "litgpt": "LitGPT fine-tuning",
    "torchtune": "torchtune fine-tuning",
    "silicon": "engines that serve",
    "local": "llama.cpp and ExLlama",
}
Why = Sequence[tuple[str, str]]

HEAD = """# Accuracy

Estimates of training memory and of step times beside published measurements. `make accuracy` writes this page, the
bands that reports print, and `benchmarks/results/accuracy.json`, which has every row; `benchmarks/measurements/` has
the rows themselves with their sources. One set of constants serves all rows. An error is the estimate over the
measurement, less one; the median and the ninetieth percentile are of absolute errors, the bias is the median of signed
errors (above zero: estimates are too high). A figure that its source gives for several runs counts once.
"""

OF_TIME = """What a source measured, in its own unit: above zero, a rate is estimated too high, and a time too long. A
run counts once, also where the source gives its throughput in several units. A release of a framework is one
measurement; the same configuration moves by several percent from one to the next, and only the newest counts towards
targets.
"""

OF_WORK = """Where a source gives TFLOP/s or utilisation beside seconds or tokens/s, the second figure follows from the
first by the FLOPs that the source counts (and the peak rate that it divides by). The error is that of these alone.
"""


def groups(scored: Sequence[Scored]) -> Iterator[tuple[str, list[Scored]]]:
    """Rows by counter and source; Megatron-LM's also by size, and all that have older recipes by whether they are."""
    rows = [each for each in counted(scored) if each.row["counter"] != "fits"]
    for counter, name in NAMES.items():
        for source in dict.fromkeys(each.source for each in rows):
            own = [each for each in rows if each.source == source and each.row["counter"] == counter]
            title = f"{TITLES.get(source, source)}: {name}"
            if own:
                yield from _by_age(title, own)


def _by_age(title: str, own: list[Scored]) -> Iterator[tuple[str, list[Scored]]]:
    current = [each for each in own if each.row["current"]]
    older = [each for each in own if not each.row["current"]]
    timed, megatron = own[0].row["counter"] in TIME, own[0].source == "megatron"
    if not (older or megatron):
        yield title, own
        return
    if current:
        yield f"{title}, {'current' if megatron else 'newest release'}", current
    if megatron and not timed:
        yield f"{title}, current, above 8 GiB", [each for each in current if each.measured > LARGE]
    if older:
        yield f"{title}, {'perhaps stale' if megatron else 'earlier releases'}", older


def _cells(found: Summary | None, rows: int) -> str:
    if found is None:
        return f"0 of {rows} | | | | |"
    n = f"{found.n:,}" if found.n == rows else f"{found.n:,} of {rows:,}"
    return f"{n} | {found.median:.2f} % | {found.p90:.2f} % | {found.bias:+.2f} % | {found.share:.0f} % |"


def page(scored: Sequence[Scored], why: Why = ()) -> str:
    """The whole page in Markdown: memory first, then time."""
    memory, time = of_time(scored, asked=False), of_time(scored)
    sections = [HEAD, _targets(scored)]
    if memory:
        sections += ["## Memory\n", _by_counter(memory), _fits(memory), _worst(memory, why), _missing(memory)]
    if time:
        sections += [f"## Time\n\n{OF_TIME}", _by_counter(time), _work(time), _worst(time, why), _missing(time)]
    return "\n".join(section for section in sections if section)


def _targets(scored: Sequence[Scored]) -> str:
    text = "## Targets\n\n| Rows | n | target: median | p90 | measured: median | p90 | |\n"
    text += "| --- | ---: | ---: | ---: | ---: | ---: | --- |\n"
    for target in TARGETS:
        rows = target.rows(scored)
        found = summary(rows)
        reached = f"{found.median:.2f} % | {found.p90:.2f} %" if found else "|"
        n = f"{found.n if found else 0} of {len(rows)}"
        text += f"| {target.title} | {n} | {_promise(target)} | {reached} | {target.verdict(scored)} |\n"
    return text


def _promise(target: Target) -> str:
    if target.own:
        return "its own errors | its own errors"
    return f"{target.median:g} % | {'' if target.p90 is None else f'{target.p90:g} %'}"


def _by_counter(scored: Sequence[Scored]) -> str:
    text = "### By counter and source\n\n| Rows | n | median | p90 | bias | within 5 % |\n"
    text += "| --- | ---: | ---: | ---: | ---: | ---: |\n"
    for title, rows in groups(scored):
        text += f"| {title} | {_cells(summary(rows), len(rows))}\n"
    return text


def _work(scored: Sequence[Scored]) -> str:
    pairs = [(d, b) for d, b in worked(scored) if "repeat_of" not in d.row]
    text = (
        f"### FLOPs of a step\n\n{OF_WORK}\n| Rows | n | median | p90 | bias |\n| --- | ---: | ---: | ---: | ---: |\n"
    )
    for source, counter in dict.fromkeys((d.source, d.row["counter"]) for d, _ in pairs):
        own = (work_error(d, b) for d, b in pairs if (d.source, d.row["counter"]) == (source, counter))
        errors = sorted(own)
        sizes = [abs(error) for error in errors]
        figures = f"{median(sizes):.2f} % | {percentile(sizes, 90):.2f} % | {median(errors):+.2f} %"
        text += f"| {TITLES.get(source, source)}: {NAMES[counter]} | {len(errors):,} | {figures} |\n"
    return text if pairs else ""


def _fits(scored: Sequence[Scored]) -> str:
    rows = [each for each in scored if each.row["counter"] == "fits"]
    if not rows:
        return ""
    text = "### Fits or not\n\nRuns of which only that is known; against the whole memory of the device.\n\n"
    text += "| Rows | n | said rightly |\n| --- | ---: | ---: |\n"
    for source in dict.fromkeys(each.source for each in rows):
        for fits in (True, False):
            own = [each for each in rows if each.source == source and each.row["fits"] is fits]
            known = [each for each in own if each.estimated is not None]
            right = sum(each.fits is fits for each in known)
            if own:
                title = f"{TITLES.get(source, source)}: {'did fit' if fits else 'ran out of memory'}"
                text += f"| {title} | {len(known)} of {len(own)} | {right if known else ''} |\n"
    return text


def _worst(scored: Sequence[Scored], why: Why) -> str:
    text = ""
    for title, rows in groups(scored):
        ranked = worst(rows)
        if not ranked or title.endswith("above 8 GiB"):
            continue
        text += f"\n#### {title}\n\n| Row | measured | estimated | error | why |\n| --- | ---: | ---: | ---: | --- |\n"
        for each in ranked:
            missing = next((words for pattern, words in why if fnmatchcase(each.row["id"], pattern)), "")
            parts = each.row["id"].split("/")[1:]
            name = "/".join(part for part in parts if part != each.row["counter"])
            assert each.estimated is not None
            figures = f"{_size(each, each.measured)} | {_size(each, each.estimated)} | {each.error:+.2f} %"
            text += f"| {name} | {figures} | {missing} |\n"
    return f"### Furthest off\n{text}" if text else ""


def _size(each: Scored, value: float) -> str:
    if "bytes" in each.row:
        return f"{value / GIB:.3f} GiB"
    return f"{value:,.{0 if value >= 1000 else 3}f} {UNITS.get(each.row['counter'], '%')}"


def _missing(scored: Sequence[Scored]) -> str:
    found = Counter((each.source, each.needs) for each in scored if each.estimated is None)
    text = "### Not estimated yet\n\n| Rows | n | needs |\n| --- | ---: | --- |\n"
    for (source, needs), count in sorted(found.items(), key=lambda item: (item[0][0], -item[1], item[0][1])):
        text += f"| {TITLES.get(source, source)} | {count} | {needs} |\n"
    return text if found else ""


def plain(scored: Sequence[Scored]) -> str:
    """Scores and targets for a terminal."""
    lines = [f"{'rows':66} {'n':>9} {'median':>8} {'p90':>8} {'bias':>8} {'<= 5 %':>7}"]
    for title, rows in groups(scored):
        found = summary(rows)
        n = f"{found.n if found else 0}/{len(rows)}"
        figures = f"{found.median:8.2f} {found.p90:8.2f} {found.bias:+8.2f} {found.share:7.0f}" if found else ""
        lines.append(f"{title:66} {n:>9} {figures}")
    lines += ["", *(f"{target.title:66} {target.verdict(scored)}" for target in TARGETS)]
    return "\n".join(lines)
