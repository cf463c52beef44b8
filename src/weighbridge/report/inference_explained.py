"""Figures of a deployment explained: formulas where memory has them, else seconds operation by operation."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

from weighbridge.arithmetic import ratio, total
from weighbridge.estimate.cache import cache
from weighbridge.estimate.inference.inference import Inference
from weighbridge.estimate.inference.supported import untimed
from weighbridge.estimate.inference.timing import PassTime
from weighbridge.estimate.parameters import params
from weighbridge.report import explanation
from weighbridge.report.document import Column, Document, Row, Table
from weighbridge.report.inference_speed import gap
from weighbridge.report.inference_tables import of_pass, waits_for
from weighbridge.report.inference_tables import weights as kinds
from weighbridge.report.markdown import as_markdown
from weighbridge.report.text import rendered, window
from weighbridge.report.time import seconds, share
from weighbridge.sums import summed
from weighbridge.traced import Label, Traced, named, symbol
from weighbridge.units import gibibytes


def explained(inference: Inference, lines: tuple[str, ...], form: str, depth: int | None) -> str:
    """Lines, each with its derivation; LaTeX has the formulas only."""
    blocks = []
    for line in lines:
        blocks += [explanation.FORMS[form](figure, depth) for figure in figures(inference, line)]
        document = shown(inference, line)
        if document is not None and form != "latex":
            text = as_markdown(document).strip() if form == "markdown" else rendered(document, window()).strip("\n")
            blocks.append(text)
    return "\n\n".join(blocks) + "\n"


def figures(inference: Inference, line: str) -> list[Traced]:
    """The traced numbers of a line."""
    return MADE[line](inference) if line in ("weights", "kv_cache", "total", "users") else _timed(inference, line)


def _weights(inference: Inference) -> list[Traced]:
    """Of the whole model, before ranks share it; weights that are packed have the table alone."""
    if inference.storage is not None:
        return []
    counted: Any = params(inference.model, inference.dtype.name).explained("bytes")
    return [counted] if isinstance(counted, Traced) else []


def _kv_cache(inference: Inference) -> list[Traced]:
    """Of the whole model, before ranks share it."""
    serving = inference.serving
    whole = replace(serving, tensor=1, pipeline=1, expert=1, data=1)
    report = cache(inference.model, serving.prompt + serving.output, 1, serving.compute.name)
    one = replace(report, size=whole.cached).explained()
    sequences = symbol("sequences", int(serving.batch))
    label = Label("kv_cache", "bytes", "of all sequences at their longest, without pages, before ranks share it")
    return [named(sequences * one, label)]


def _total(inference: Inference) -> list[Traced]:
    """What the fullest GPU needs."""
    cached = symbol("kv_cache", int(inference.memory.cache_bytes))
    return [_needed(inference, cached, "needed", "on the fullest GPU, by the load that is asked for")]


def _needed(inference: Inference, cached: Any, name: str, note: str) -> Traced:
    sizes = {key: int(size) for key, size in inference.memory.parts.items()}
    parts = [cached if key == "kv_cache" else symbol(key, size) for key, size in sizes.items() if size]
    made: Any = named(total(parts), Label(name, "bytes", note))
    return cast(Traced, made)


def _users(inference: Inference) -> list[Traced]:
    """What a GPU needs with as many sequences as it has room for: one more would be too many."""
    memory, serving = inference.memory, inference.serving
    one = int(memory.cache_of(1, serving.prompt + serving.output))
    if not memory.max_batch or memory.capacity is None or not one:
        return []
    most = int(memory.max_batch) // int(serving.data)
    full, more = (replace(inference, serving=replace(serving, batch=n * serving.data)) for n in (most, most + 1))
    cached = symbol("sequences_of_a_gpu", most) * symbol("cache_of_a_sequence", one)
    room, beyond = int(memory.capacity), int(more.memory.needed)
    note = f"the engine may take {room:,}; with one more sequence {beyond:,} are needed"
    return [_needed(full, cached, f"needed_with_{int(memory.max_batch)}_sequences", note)]


MADE = {"weights": _weights, "kv_cache": _kv_cache, "total": _total, "users": _users}
"""Lines of memory, each with what makes its traced numbers."""


def _timed(inference: Inference, line: str) -> list[Traced]:
    """Lines that depend on how long passes take."""
    if untimed(inference):
        return []
    if line in RATES:
        return [inference.rates.explained(name) for name in RATES[line] if name in inference.rates.explainable]
    whole, passed, run, rest = (
        (inference.ttft, inference.ttft_alone, inference.prefill, "waiting")
        if line == "ttft"
        else (inference.tpot, gap(inference), inference.decode, "prompts_of_others")
    )
    parts = {part.replace(" ", "_"): sum(spent.values()) for part, spent in of_pass(run).items()}
    own: Any = named(total(symbol(name, spent) for name, spent in parts.items()), Label("own_pass", "seconds"))
    if inference.serving.accepted and line == "tpot":
        own = ratio(own, symbol("tokens_per_pass", inference.serving.tokens_per_pass))
    more = whole - passed
    made: Any = named(own + symbol(rest, more) if more > 0 else own, Label(line, "seconds", MEANS[line]))
    return [made]


RATES = {
    "speed": ("end_to_end_seconds", "tokens_per_second_per_gpu", "tokens_per_second_per_user"),
    "price": ("dollars_per_million_input", "dollars_per_million_output"),
}
"""Lines of rates, and the figures that each opens."""

MEANS = {"ttft": "time to the first token", "tpot": "time per token of one user"}


def shown(inference: Inference, line: str) -> Document | None:
    """The table of a line, which says what is on a GPU, or where its seconds go; ``None`` for none."""
    if line == "kv_cache":
        return _document(_shared(inference))
    if line == "weights":
        return _document(kinds(inference))
    if line in ("total", "users"):
        return None
    reason = untimed(inference)
    if reason:
        return Document(f"{line}: not estimated: {reason}", "", (), ())
    if line in RATES:
        return None
    run, what = (inference.prefill, "a prompt") if line == "ttft" else (inference.decode, "a token of each sequence")
    return Document("", "", (), (_sums(inference, line), _operations(run, what)))


def _document(table: Table) -> Document:
    return Document("", "", (), (table,))


def _shared(inference: Inference) -> Table:
    """The cache on a GPU: what of the whole it holds, and in pages."""
    memory, serving = inference.memory, inference.serving
    longest = serving.prompt + serving.output
    bare = int(memory.cache_of(serving.sequences, longest, pages=False))
    per_token = int(memory.cache_per_token)
    pages = f"in pages of {serving.engine.block:,} positions"
    rows = [
        ("one more token of a sequence", per_token, "of the whole model, on all ranks of a replica but copies"),
        ("a sequence on a GPU", int(memory.cache_of(1, longest)), f"{longest:,} tokens, {pages}"),
        ("all sequences of a GPU", bare, f"{serving.sequences:,} of {longest:,} tokens, without pages"),
        ("the same in pages", int(memory.cache_bytes), pages),
    ]
    columns = (Column("KV cache", False), Column("size"), Column("bytes"), Column("", False, optional=True))
    cells = tuple(Row((name, gibibytes(size), f"{size:,}", how)) for name, size, how in rows)
    return Table(columns, cells, "KV cache on a GPU")


def _sums(inference: Inference, line: str) -> Table:
    """What a figure is made of beside the pass."""
    found, alone, name = inference.tpot, gap(inference), "time per token"
    rest = "passes of others' prompts that come between"
    if line == "ttft":
        found, alone, name = inference.ttft, inference.ttft_alone, "time to the first token"
        rest = "until the pass that runs has ended, and what others take of the prompt's own"
    rows = [Row(("the pass itself", seconds(alone), share(alone, found)))]
    if found - alone > 0:
        rows.append(Row((rest, seconds(found - alone), share(found - alone, found))))
    rows.append(Row((name, seconds(found), "100.0 %"), strong=True))
    return Table((Column("of", False), Column("time"), Column("share")), tuple(rows), f"{line.upper()}: {name}")


def _operations(run: PassTime, what: str) -> Table:
    """Every operation of a pass under its kind of module, with all its runs; they add up to the pass."""
    whole = run.seconds
    rows: list[Row] = []
    for part, bounds in of_pass(run).items():
        spent = summed(bounds.values())
        rows.append(Row((part, seconds(spent), share(spent, whole), waits_for(bounds)), part, True))
        rows += _inside(run, part, whole)
    rows.append(Row(("a pass", seconds(whole), "100.0 %", ""), strong=True))
    columns = (Column("part", False, whole=True), Column("time"), Column("share"), Column("waits for", False, True))
    return Table(columns, tuple(rows), f"The pass of {what}, operation by operation (all layers)")


def _inside(run: PassTime, part: str, whole: float) -> list[Row]:
    """Operations of a part: messages by name, others by name and kind."""
    found: dict[str, dict[Any, float]] = {}
    for span in run.spans:
        message = span.bound.value == "network"
        if (message and part == "messages") or (not message and span.kind.value == part):
            bounds = found.setdefault(span.name, {})
            bounds[span.bound] = bounds.get(span.bound, 0.0) + span.seconds
    ordered = sorted(found.items(), key=lambda item: -sum(item[1].values()))
    return [
        Row((f"  {name}", seconds(summed(b.values())), share(summed(b.values()), whole), waits_for(b)), part)
        for name, b in ordered
    ]
