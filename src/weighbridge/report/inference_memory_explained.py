"""Figures of a deployment's memory explained: formulas from the sizes of the model where there are such, and sums."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, cast

from weighbridge.arithmetic import total
from weighbridge.estimate.cache import cache
from weighbridge.estimate.inference.inference import Inference
from weighbridge.estimate.inference.memory import ServingMemory
from weighbridge.estimate.inference.room import Room
from weighbridge.estimate.parameters import params
from weighbridge.models import Model
from weighbridge.report.document import Column, Row, Table
from weighbridge.report.serving_curves import contexts_as_data
from weighbridge.traced import Label, Traced, identifier, named, plain, stated, symbol, trace
from weighbridge.units import gibibytes


def weights(inference: Inference) -> list[Traced]:
    """Of the whole model, before ranks share it; weights that are packed have the table alone."""
    if inference.storage is not None:
        return []
    return _traced(params(inference.model, inference.dtype.name).explained("bytes"))


def kv_cache(inference: Inference) -> list[Traced]:
    """Of the whole model, before ranks share it; and on a GPU, in pages."""
    serving = inference.serving
    whole = replace(serving, tensor=1, pipeline=1, expert=1, data=1)
    report = cache(inference.model, serving.prompt + serving.output, 1, serving.compute.name)
    one = replace(report, size=whole.cached).explained()
    sequences = symbol("sequences", int(serving.batch))
    label = Label("kv_cache", "bytes", "of all sequences at their longest, without pages, before ranks share it")
    own = symbol("sequences_of_a_gpu", int(serving.sequences)) * _longest(inference)
    held = Label("kv_cache_of_a_gpu", "bytes", "of all sequences of a GPU at their longest, in pages")
    return [named(sequences * one, label), named(own, held)]


def cache_per_token(inference: Inference) -> list[Traced]:
    """Of the whole model: a sequence that is one token longer, less the sequence."""
    longest = symbol("tokens", int(inference.serving.prompt + inference.serving.output))
    note = "of the whole model, on all ranks of a replica but copies"
    grown = _of_symbols(inference).cache_after(longest)
    return _traced(named(grown, Label("kv_cache_bytes_per_token", "bytes", note)))


def activations(inference: Inference) -> list[Traced]:
    """What stands at the highest moment of the longest pass."""
    names: dict[str, int] = {}
    terms = []
    for name, _, _, size, count in _standing(inference.memory):
        names[name] = names.get(name, 0) + 1
        again = f"_{names[name]}" if names[name] > 1 else ""
        terms.append(count * symbol(f"{identifier(name)}{again}", size // count))
    label = Label("activations", "bytes", "what stands at the highest moment of the longest pass that runs")
    return _traced(named(total(terms), label))


def context(inference: Inference) -> list[Traced]:
    """Of the device; no size of the deployment enters it."""
    size = int(inference.memory.outside)
    label = Label("context", "bytes", "outside the allocator: what the driver and loaded kernels take (estimate)")
    return [stated(size, label)]


def needed(inference: Inference) -> list[Traced]:
    """What the fullest GPU needs."""
    cached = symbol("kv_cache", int(inference.memory.cache_bytes))
    return [_needed(inference, cached, "needed", "on the fullest GPU, by the load that is asked for")]


def _needed(inference: Inference, cached: Any, name: str, note: str) -> Traced:
    sizes = {key: int(size) for key, size in inference.memory.parts.items()}
    parts = [cached if key == "kv_cache" else symbol(key, size) for key, size in sizes.items() if size]
    made: Any = named(total(parts), Label(name, "bytes", note))
    return cast(Traced, made)


def engine(inference: Inference) -> list[Traced]:
    """What the engine may take, what of it is left for the cache, and what is left over or missing."""
    room = inference.memory.room
    if room is None:
        return []
    traced, whole = trace(room), cast(int, needed(inference)[0])
    beside: Any = traced.reserved(whole) if inference.memory.fits else traced.missing(whole)
    return [*(room.explained(name) for name in room.figures), beside]


def users(inference: Inference) -> list[Traced]:
    """What a GPU needs with as many sequences as it has room for: one more would be too many."""
    memory, serving = inference.memory, inference.serving
    longest = serving.prompt + serving.output
    if not memory.max_batch or memory.capacity is None or not memory.cache_of(1, longest):
        return []
    most = int(memory.max_batch) // int(serving.data)
    full, more = (replace(inference, serving=replace(serving, batch=n * serving.data)) for n in (most, most + 1))
    cached = symbol("sequences_of_a_gpu", most) * _longest(inference)
    room, beyond = int(memory.capacity), int(more.memory.needed)
    note = f"the engine may take {room:,}; with one more sequence {beyond:,} are needed"
    return [_needed(full, cached, f"needed_with_{int(memory.max_batch)}_sequences", note)]


def longest_context(inference: Inference) -> list[Traced]:
    """What a GPU needs with one sequence alone, as long as it has room for: one token more would be too many."""
    memory, most = inference.memory, inference.memory.longest_context
    if not most or memory.capacity is None:
        return []
    room, beyond = int(memory.capacity), int(memory.needed - memory.cache_bytes + memory.cache_of(1, most + 1))
    note = f"the engine may take {room:,}; with one more token {beyond:,} are needed"
    one = _sequence(inference, most, "cache_of_a_sequence")
    return [_needed(inference, one, f"needed_with_{most}_tokens", note)]


def contexts(inference: Inference) -> list[Traced]:
    """The cache of a sequence of every length that is weighed, and how many such there is room for."""
    room = inference.memory.room
    return [] if room is None else list(_lengths(inference, trace(room)))


def _lengths(inference: Inference, room: Room) -> Iterator[Traced]:
    data = int(inference.serving.data)
    for one in contexts_as_data(inference):
        tokens = one["tokens"]
        each = _sequence(inference, tokens, f"kv_cache_of_{tokens}_tokens")
        yield each
        if one["sequences"] is not None:
            held: Any = room.sequences(cast(int, each), symbol("replicas", data) if data > 1 else 1)
            note = "that there is room for beside what passes of the load make"
            yield cast(Traced, named(held, Label(f"sequences_of_{tokens}_tokens", "sequences", note)))


def _longest(inference: Inference) -> Any:
    """A GPU's bytes of the cache of one sequence at its longest."""
    return _sequence(inference, int(inference.serving.prompt + inference.serving.output), "cache_of_a_sequence")


def _sequence(inference: Inference, tokens: int, name: str) -> Traced:
    """A GPU's bytes of the cache of one sequence, from the sizes of the model."""
    found: Any = _of_symbols(inference).cache_of(1, symbol("tokens", tokens))
    label = Label(name, "bytes", "of one sequence on a GPU, in whole pages")
    made: Any = named(cast(int, found), label) if isinstance(found, Traced) else symbol(name, int(found))
    return cast(Traced, made)


def _of_symbols(inference: Inference) -> ServingMemory:
    """The memory of a deployment over symbols of the model's sizes."""
    memory, model = inference.memory, inference.model
    return replace(memory, model=Model.of(model.traced, model.name))


def _traced(found: Any) -> list[Traced]:
    return [found] if isinstance(found, Traced) else []


Stood = tuple[str, tuple[str, ...], str, int, int]
"""A tensor's name, its shape on the rank, its data type, bytes of all such and how many there are."""


def _standing(memory: ServingMemory) -> list[Stood]:
    """Tensors that stand at the highest moment of the longest pass, largest first; equal ones are one entry."""
    run, found = memory.fullest, dict[tuple[str, tuple[str, ...], str, int], int]()
    for tensor, size in run.highest.items():
        sizes = ((int(plain(run.sharding.local(axis))), axis) for axis in tensor.axes)
        shape = tuple(f"{length:,} {getattr(axis, 'name', '')}".strip() for length, axis in sizes)
        key = tensor.name, shape, tensor.dtype.name, size
        found[key] = found.get(key, 0) + 1
    entries = [(name, shape, kind, size * count, count) for (name, shape, kind, size), count in found.items()]
    return sorted(entries, key=lambda one: -one[3])


def tensors(inference: Inference) -> Table:
    """What passes make, where it is most."""
    columns = (
        Column("tensor", False),
        Column("shape on the rank", False),
        Column("type", False),
        Column("count"),
        Column("bytes"),
    )
    found = _standing(inference.memory)
    rows = [Row((name, " x ".join(shape), kind, f"{n:,}", f"{size:,}")) for name, shape, kind, size, n in found]
    rows.append(Row(("all", "", "", "", f"{int(inference.memory.activations):,}"), strong=True))
    return Table(columns, tuple(rows), "Tensors of activations at the highest moment")


def shared(inference: Inference) -> Table:
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
