"""Tables of a deployment: weights by kind and format, what passes wait for, what more users cost, what to change."""

from __future__ import annotations

from weighbridge.estimate.inference.advice import Change, better
from weighbridge.estimate.inference.inference import Inference
from weighbridge.estimate.inference.supported import untimed
from weighbridge.estimate.inference.timing import PassTime, by
from weighbridge.estimate.time.work import Bound
from weighbridge.report.document import Column, Row, Table
from weighbridge.report.inference_speed import money, rate
from weighbridge.report.serving_curves import users as more_users
from weighbridge.report.time import COLOURS, LAUNCHING, MESSAGE, NAMES, SAID, WAITS, seconds, share
from weighbridge.sums import summed
from weighbridge.tree import Kind
from weighbridge.units import gibibytes, percent

WIDTH = 16
"""Columns of the bar of a whole pass, or of the most tokens per second."""

HOST = "the host"

MESSAGES = "messages"


def weights(inference: Inference) -> Table:
    """A rank's weights by kind of module and by format."""
    found = by_format(inference)
    whole = sum(found.values())
    rows = [
        Row((kind.value, name, gibibytes(size), percent(size, whole), f"{size:,}"), kind.value)
        for (kind, name), size in found.items()
    ]
    rows.append(Row(("all", "", gibibytes(whole), "100.0 %", f"{whole:,}"), strong=True))
    columns = (
        Column("kind", False, whole=True),
        Column("format", False, whole=True),
        Column("size"),
        Column("share", optional=True),
        Column("bytes", optional=True),
    )
    stages = inference.serving.pipeline
    of = f" (all {stages:,} stages together)" if stages > 1 else ""
    return Table(columns, tuple(rows), f"Weights of a GPU by kind and format{of}")


def by_format(inference: Inference) -> dict[tuple[Kind, str], int]:
    """A rank's bytes of all layers by kind of module and by format, in the order of kinds."""
    packings, found = inference.weights.packings, dict[tuple[Kind, str], int]()
    for one, size in inference.weights.each():
        packing = packings.get(id(one.weight))
        wide = "fp32" if one.weight.buffer else inference.dtype.name
        key = one.node.kind, wide if packing is None else packing.name
        found[key] = found.get(key, 0) + int(size)
    return {key: found[key] for kind in Kind for key in found if key[0] is kind and found[key]}


def passes(inference: Inference) -> Table:
    """Where the time of a prompt's pass and of a token's goes, and what each part waits for."""
    prefill, decode = of_pass(inference.prefill), of_pass(inference.decode)
    whole = inference.prefill.seconds, inference.decode.seconds
    names = [name for name in [*(kind.value for kind in Kind), MESSAGES, HOST] if name in prefill or name in decode]
    colours = {MESSAGES: MESSAGE, HOST: LAUNCHING}
    rows = []
    for name in names:
        cells = [NAMES.get(name, name)]
        for found, total in zip((prefill, decode), whole, strict=True):
            cells += _cells(found.get(name, {}), total)
        rows.append(Row(tuple(cells), colours.get(name, COLOURS.get(name, name))))
    everything = ["a pass"]
    for found, total in zip((prefill, decode), whole, strict=True):
        everything += [seconds(total), "100.0 %", waits_for(_together(found))]
    rows.append(Row(tuple(everything), strong=True))
    columns = (
        Column("part", False, whole=True),
        Column("prompt"),
        Column("share", optional=True),
        Column("waits for", False, optional=True, whole=True),
        Column("token"),
        Column("share", optional=True),
        Column("waits for", False, optional=True, whole=True),
    )
    serving = inference.serving
    tokens = serving.prompt - int(serving.prompt * serving.cached_prompt)
    each = f"one token of each of {serving.sequences:,} sequences" if serving.sequences > 1 else "one token"
    title = f"Where the time goes: a prompt of {tokens:,} tokens, {each}"
    return Table(columns, tuple(rows), title, basis(inference))


def basis(inference: Inference) -> str:
    """What the speeds of kernels and messages rest on."""
    run = inference.decode
    several = inference.serving.gpus > 1
    return f"kernels: {run.speeds.basis}" + (f"\nmessages: {run.links.basis}" if several else "")


def of_pass(run: PassTime) -> dict[str, dict[Bound, float]]:
    """Seconds of a pass by kind of module, messages and the host, and by what they wait for."""
    found: dict[str, dict[Bound, float]] = {}
    for span in run.spans:
        name = MESSAGES if span.bound is Bound.NETWORK else span.kind.value
        part = found.setdefault(name, {})
        part[span.bound] = part.get(span.bound, 0.0) + span.seconds
    host = run.seconds - summed(by(run.spans, "bound").values())
    if host > 1e-9:
        found[HOST] = {Bound.LAUNCH: host}
    return found


def _together(found: dict[str, dict[Bound, float]]) -> dict[Bound, float]:
    """Seconds of all parts by what they wait for."""
    whole: dict[Bound, float] = {}
    for part in found.values():
        for bound, spent in part.items():
            whole[bound] = whole.get(bound, 0.0) + spent
    return whole


def _cells(part: dict[Bound, float], whole: float) -> list[str]:
    spent = summed(part.values())
    return [seconds(spent), share(spent, whole), waits_for(part)] if part else ["-", "-", ""]


def waits_for(part: dict[Bound, float]) -> str:
    """``compute``, or ``memory 83 %, network 17 %``: the most first, what is little left out."""
    whole = summed(part.values())
    most_first = sorted(part.items(), key=lambda item: -item[1])
    said = [(WAITS.get(bound, bound.value), spent / whole) for bound, spent in most_first if spent >= SAID * whole]
    return said[0][0] if len(said) == 1 else ", ".join(f"{name} {100 * each:.0f} %" for name, each in said[:2])


def users(inference: Inference) -> Table:
    """What more users at once would cost in time, and give in throughput."""
    found = more_users(inference)
    fastest = max(one.per_gpu for one in found)
    rows = [_user(one, fastest, one.serving.batch == inference.serving.batch) for one in found]
    columns = (
        Column("at once"),
        Column("in use"),
        Column("TTFT"),
        Column("TPOT"),
        Column("tokens/s each"),
        Column("tokens/s per GPU"),
        Column("", False, optional=True, whole=True),
    )
    return Table(columns, tuple(rows), "What more users at once cost and give")


def _user(one: Inference, fastest: float, asked: bool) -> Row:
    cells = (
        f"{one.serving.batch:,}",
        gibibytes(int(one.memory.needed)),
        seconds(one.ttft),
        seconds(one.tpot),
        f"{one.per_user:,.1f}",
        rate(one.per_gpu),
        "#" * round(WIDTH * one.per_gpu / fastest),
    )
    return Row(cells, strong=asked)


def changes(inference: Inference) -> Table | None:
    """What to change, and what each change gives; ``None`` where nothing that was tried helps."""
    found = better(inference)
    if not found:
        return None
    fits = inference.memory.fits is not False
    enough = any(change.fits for change in found)
    title = "What would help most, each by itself" if fits else "What would make it fit, each by itself"
    if not fits and not enough:
        title = "Nothing tried makes it fit; what needs least, each by itself"
    timed = not any(untimed(change.inference) for change in found)
    priced = timed and all(change.inference.cost_per_million for change in found)
    dollars = (Column("$/M out", optional=True),) if priced else ()
    memory = (Column("needed then", optional=True), Column("room for", optional=True))
    speed = (Column("tokens/s per GPU"), Column("TPOT"), Column("TTFT", optional=True), *dollars)
    rows = [_changed(change, timed, priced) for change in found]
    remark = "fewer bits in weights or cache may change answers: try them on your own questions" if any(
        change.group in ("weights", "cache") for change in found
    ) else ""  # fmt: skip
    columns = (Column("change", False), *(speed if timed else ()), *memory)
    return Table(columns, tuple(rows), title, remark)


def _changed(change: Change, timed: bool, priced: bool) -> Row:
    one = change.inference
    cells = [change.title]
    if timed:
        gain = f" ({100 * change.gains:+.0f} %)" if change.gains is not None else ""
        cells += [f"{rate(one.per_gpu)}{gain}", seconds(one.tpot), seconds(one.ttft)]
        cells += [money(one.cost_per_million["output"])] if priced and one.cost_per_million else []
    cells += [gibibytes(int(one.memory.needed)), f"{one.memory.max_batch or 0:,}"]
    return Row(tuple(cells))
