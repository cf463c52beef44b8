"""What the report of a deployment says, as a document."""

from __future__ import annotations

from dataclasses import dataclass

from weighbridge.estimate.inference.deployment import PUBLISHED, Deployment, ranks
from weighbridge.estimate.inference.inference import Inference
from weighbridge.estimate.inference.supported import untimed
from weighbridge.report import inference_speed as speed
from weighbridge.report import inference_tables as tables
from weighbridge.report.chart import LOOKS, Bar, Bars
from weighbridge.report.document import Column, Document, Row, Table
from weighbridge.units import gibibytes, percent

WHAT = {
    "weights": "as they are stored, with scales",
    "activations": "of the longest pass that runs",
    "kv_cache": "all sequences at their longest, in pages",
    "logits_and_loss": "scores of the vocabulary, of the same pass",
    "context": "outside the allocator (estimate)",
    "allocator": "taken by the engine, for more cache",
}
"""Every part of the ledger in a few words."""

UNMEASURED = "error band: none yet for this kind of estimate; measured bands come with the table in docs/accuracy.md"


@dataclass(frozen=True)
class View:
    """What a report shows of a deployment.

    Attributes:
        users: what more users at once would cost, too.
        changes: what to change.
    """

    users: bool = False
    changes: bool = True


def document(deployment: Deployment, view: View = View()) -> Document:
    """Whether it fits, one bar against what a GPU has, the ledger, how fast it answers and what that costs, what passes
    wait for, what to change.
    """
    inference = deployment.inference
    shown: list[Table] = [ledger(inference), tables.weights(inference)]
    reason = untimed(inference)
    if not reason:
        shown = [speed.table(inference), *shown, tables.passes(inference)]
        if view.users:
            shown.append(tables.users(inference))
    if view.changes:
        shown += [found for found in (tables.changes(inference),) if found]
    unsaid = [(f"time  not estimated: {reason}",)] if reason else []
    facts = (*_rooms(deployment), *unsaid, *_plan(inference))
    subtitle = f"{inference.model.name} on {_machines(inference)}"
    return Document(headline(inference), subtitle, facts, tuple(shown), notes(deployment), (bars(inference),))


def device(inference: Inference) -> str:
    """What the ranks run on, in a word."""
    return "GPU" if inference.cluster is None or inference.cluster.device.kind == "GPU" else "device"


def _machines(inference: Inference) -> str:
    gpus, cluster = int(inference.serving.gpus), inference.cluster
    if cluster is None:
        return f"{gpus:,} GPUs"
    return str(cluster) if gpus == cluster.gpus else f"{gpus:,} of {cluster}"


def stored(deployment: Deployment) -> str:
    """How weights are stored, in a word."""
    storage = deployment.inference.storage
    if storage is None:
        return deployment.inference.dtype.name
    return storage.method if deployment.stored == PUBLISHED else deployment.stored


def headline(inference: Inference) -> str:
    """Fits or not, with what is needed of what the engine may take."""
    memory, engine = inference.memory, inference.serving.engine
    needed = gibibytes(int(memory.needed))
    if memory.room is None:
        return f"{needed} needed on each GPU"
    room = gibibytes(int(memory.room.engine_takes))
    words = f"{_of(needed, room)} that {engine.title} may take of a {device(inference)}"
    if memory.fits:
        return f"Fits: {words}"
    missing = gibibytes(int(memory.room.missing(memory.needed)))
    return f"Does not fit: {words}, {missing} too many"


def _of(part: str, whole: str) -> str:
    """``47.7 of 79.1 GiB``: the unit once where it is the same."""
    same = part.split()[1] == whole.split()[1]
    return f"{part.split()[0] if same else part} of {whole}"


def _rooms(deployment: Deployment) -> list[tuple[str, ...]]:
    """How many users and how long a context there is room for; what the cache and the weights take."""
    inference = deployment.inference
    memory, serving = inference.memory, inference.serving
    each = serving.prompt + serving.output
    facts: list[tuple[str, ...]] = []
    if memory.max_batch:
        longest = memory.longest_context
        alone = "one alone may be of any length" if longest is None else f"or one alone of {longest:,} tokens"
        sequences = f"{memory.max_batch:,} sequence{'s' * (memory.max_batch != 1)}"
        facts.append((f"room for  {sequences} of {each:,} tokens at once", alone))
    elif memory.max_batch == 0:
        facts.append((f"room for  no sequence of {each:,} tokens",))
    per_token = int(memory.cache_per_token)
    cache = f"KV cache  {per_token:,} bytes per token in {serving.cache.name}"
    if not per_token:
        cache = "KV cache  of one size, however long: windows and states"
    facts.append((cache, f"{gibibytes(int(memory.cache_of(1, each)))} a sequence on each GPU"))
    sharing, weight = int(serving.gpus), int(memory.weight_bytes)
    name = stored(deployment)
    if sharing > 1:
        facts.append(
            (f"weights   {gibibytes(sharing * weight)} in {name} on {sharing:,} GPUs", f"{gibibytes(weight)} on each")
        )
    else:
        facts.append((f"weights   {gibibytes(weight)} in {name}",))
    return facts


def _plan(inference: Inference) -> list[tuple[str, ...]]:
    """The deployment and its load."""
    serving = inference.serving
    chunk = serving.chunk_tokens
    passes = "whole prompts" if chunk is None else f"up to {chunk:,} tokens of prompts in a pass"
    load = (
        f"{serving.batch:,} sequence{'s' * (serving.batch != 1)}: {serving.prompt:,} tokens in, {serving.output:,} out"
    )
    return [(f"plan      {ranks(serving)}; {serving.engine.title}", passes), (f"load      {load}{_more(inference)}",)]


def _more(inference: Inference) -> str:
    """What else is said of the load."""
    serving, said = inference.serving, ""
    if serving.shortest < 1:
        said += f", or evenly from {100 * serving.shortest:g} % of that on"
    if serving.cached_prompt:
        said += f"; {100 * serving.cached_prompt:g} % of each prompt is in the prefix cache"
    if serving.drafted:
        said += f"; {serving.drafted:,} drafted per token and {serving.accepted:g} accepted"
    return said


def parts(inference: Inference) -> dict[str, int]:
    """Every part of what a GPU shows in use, in the one order."""
    memory = inference.memory
    return {
        "weights": int(memory.weight_bytes),
        "activations": int(memory.hidden),
        "kv_cache": int(memory.cache_bytes),
        "logits_and_loss": int(memory.logits),
        "allocator": int(memory.beyond),
        "context": int(memory.outside),
    }


def bars(inference: Inference) -> Bars:
    """One bar: of equal GPUs any, else the fullest."""
    cluster = inference.cluster
    label = f"{'each' if inference.serving.gpus > 1 else 'the'} {device(inference)}"
    return Bars((Bar(label, parts(inference)),), None if cluster is None else cluster.device.usable_bytes)


def ledger(inference: Inference) -> Table:
    """Every part of a GPU's memory that is not nothing."""
    memory, cluster = inference.memory, inference.cluster
    found = parts(inference)
    whole, needed, rows = sum(found.values()), int(memory.needed), []
    for key, value in found.items():
        if value and key != "allocator":
            rows.append(_line(f"{LOOKS[key].mark} {LOOKS[key].name}", value, whole, WHAT[key], LOOKS[key].colour))
    rows.append(_line("  needed", needed, whole, "by all of these"))
    if found["allocator"] and memory.room is not None:
        share = memory.room.memory_share
        look = LOOKS["allocator"]
        rows.append(_line(f"{look.mark} {look.name}", found["allocator"], whole, WHAT["allocator"], look.colour))
        rows.append(_line("  in use", whole, whole, f"{share:g} of what it has (--memory-share)"))
    if cluster is not None:
        free = cluster.device.usable_bytes - whole
        name = "free" if free >= 0 else "too many"
        rows.append(_line(f". {name}", abs(free), 0, "of what it lets programs have"))
    columns = (
        Column("line", False, whole=True),
        Column("size"),
        Column("share", optional=True),
        Column("bytes", optional=True),
        Column("what", False, optional=True),
    )
    return Table(
        columns,
        tuple(rows),
        f"Memory of a {device(inference)}" + " (any of them)" * (inference.serving.gpus > 1),
        _pages(inference),
    )


def _pages(inference: Inference) -> str:
    """What pages add to the cache."""
    memory, serving = inference.memory, inference.serving
    ideal = int(memory.cache_of(serving.sequences, serving.prompt + serving.output, pages=False))
    block, paged = serving.engine.block, int(memory.cache_bytes)
    if block == 1 or not paged:
        return ""
    more = f"{percent(paged - ideal, ideal)} more" if paged > ideal else "no more"
    return f"KV cache: {ideal:,} bytes without pages; pages of {block:,} positions take {more}"


def _line(name: str, value: int, whole: int, meaning: str, colour: str = "") -> Row:
    cells = (name, gibibytes(value), percent(value, whole) if whole else "", f"{value:,}", meaning)
    return Row(cells, colour, not colour)


def notes(deployment: Deployment) -> tuple[str, ...]:
    """What was chosen by default, what bears on the estimate, how far off it may be."""
    inference = deployment.inference
    engine = inference.serving.engine
    said = [f"defaults of {engine.title}: {engine.source}"]
    if inference.serving.drafted:
        said.append("drafted tokens: what drafts them is neither weighed nor timed")
    if inference.storage is not None:
        said += inference.storage.notes
    return (*deployment.chosen, *said, *(() if speed.bands(inference) else (UNMEASURED,)), *inference.model.notes)
