"""torchtitan's pipelines: which schedule runs, and which layers stand on which stage.

Sources: torchtitan/distributed/pipeline_parallel.py (pipeline_llm, generate_llm_fqn_per_model_part),
torch/distributed/pipelining/schedules.py (get_schedule_class).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from weighbridge.errors import given
from weighbridge.formats.plans.options import Options
from weighbridge.formats.plans.table import Table
from weighbridge.parallel.layout import Chunk, Layout, even, placed
from weighbridge.parallel.schedule import Schedule

SINGLE = {"1F1B": Schedule.ONE_F_ONE_B, "GPipe": Schedule.GPIPE}
"""Schedules of one stage per rank."""

MULTI = {
    "Interleaved1F1B": Schedule.INTERLEAVED,
    "InterleavedZeroBubble": Schedule.INTERLEAVED,
    "LoopedBFS": Schedule.INTERLEAVED,
    "ZBVZeroBubble": Schedule.ZB_V,
    "DualPipeV": Schedule.ZB_V,
}
"""Schedules of several stages per rank, by how this package calls them or those near to them."""

NEARLY = {"InterleavedZeroBubble": "Interleaved1F1B", "LoopedBFS": "Interleaved1F1B", "DualPipeV": "ZBVZeroBubble"}
"""Schedules that are taken for another."""

MOST_STAGES = 10_000
"""More stages than any pipeline has."""

LAYER = re.compile(r"layers\.(\d+)")


@dataclass(frozen=True)
class Stages:
    """A pipeline.

    Attributes:
        virtual: stages per rank.
        schedule: the schedule; ``None`` without a pipeline.
        layout: layers of every stage; ``None`` where they are spread evenly.
    """

    virtual: int = 1
    schedule: Schedule | None = None
    layout: Layout | None = None


def stages(table: Table, options: Options, pipeline: int, layers: int | None, counts_ends: bool = True) -> Stages:
    """The pipeline of a file.

    Args:
        table: the file.
        options: what the caller says.
        pipeline: ranks of the pipeline.
        layers: decoder layers of the model; ``None`` where they are not known.
        counts_ends: a plan without a layout counts embedding and head as a layer each, as torchtitan does.
    """
    names = _where(table, "pipeline_parallel_schedule")
    name = table.word(names, (*SINGLE, *MULTI), "1F1B")
    if pipeline == 1:
        return Stages()
    if name in NEARLY and "schedule" not in options.fields:
        table.unmodelled(names, name, instead=f"taken as {NEARLY[name]}")
    schedule = SINGLE.get(name) or MULTI[name]
    layout = _named(table, layers)
    virtual = _virtual(table, name in SINGLE, pipeline, layers, layout)
    if layout is None:
        layout = _weighed(table, pipeline * virtual, layers, counts_ends)
    return Stages(options.get("virtual", virtual), schedule, layout)


def _where(table: Table, key: str) -> str:
    return table.first(f"parallelism.{key}", f"experimental.{key}")


def _virtual(table: Table, single: bool, pipeline: int, layers: int | None, layout: Layout | None) -> int:
    """Stages per rank: those that are named, those that so many layers each make, else one or two."""
    key = "parallelism.pipeline_parallel_layers_per_stage"
    each = table.size(key)
    count = len(layout) if layout is not None else None
    if count is None and each is not None:
        if layers is None:
            table.note(key, f"the model's layers are not known; taken as {1 if single else 2} stages per rank")
        else:
            count = -(-(layers + sum(_weights(table))) // each)
    if count is None:
        return 1 if single else 2
    if count % pipeline:
        path = key if layout is None else "parallelism.module_fqns_per_model_part"
        table.problem(path, f"makes {count:,} stages, which do not divide by pipeline_parallel_degree = {pipeline:,}")
        return 1
    virtual = count // pipeline
    if single != (virtual == 1):
        words = "one stage per rank" if single else "at least two stages per rank"
        table.problem(_where(table, "pipeline_parallel_schedule"), f"needs {words}; there are {virtual:,}")
    return virtual


def _weights(table: Table) -> tuple[int, int]:
    """Layers that the first and the last stage have less."""
    first, last = (f"parallelism.pipeline_parallel_{end}_stage_less_layers" for end in ("first", "last"))
    return table.integer(first, 1, least=0), table.integer(last, 1, least=0)


def _weighed(table: Table, parts: int, layers: int | None, counts_ends: bool) -> Layout | None:
    """Layers spread evenly, the embedding and the head counted as some of them; earlier stages have one more."""
    first, last = _weights(table)
    if (first, last) == ((1, 1) if counts_ends else (0, 0)):
        return None
    if layers is None:
        note = "the model's layers are not known; taken as spread evenly"
        table.note("parallelism.pipeline_parallel_first_stage_less_layers", note)
        return None
    if (layers + first + last) // parts < max(first, last, 1) or parts > MOST_STAGES:
        why = f"{layers:,} layers do not fill {parts:,} stages"
        table.problem("parallelism.pipeline_parallel_degree", why)
        return None
    return even(layers, parts, counts_embedding=first, counts_loss=last)


def _named(table: Table, layers: int | None) -> Layout | None:
    """The layout that the file spells out: modules of every stage, or where stages begin."""
    path = "parallelism.module_fqns_per_model_part"
    parts = table.value(path)
    if parts is None:
        return _split(table, layers)
    fine = isinstance(parts, list) and all(isinstance(part, list) for part in parts)
    if not fine or not all(isinstance(name, str) for part in parts for name in part) or len(parts) > MOST_STAGES:
        table.problem(path, f"got {given(parts)}; expected a list of lists of modules' names")
        return None
    return tuple(
        Chunk(sum(LAYER.fullmatch(name) is not None for name in part), "tok_embeddings" in part, loss="output" in part)
        for part in parts
    )


def _split(table: Table, layers: int | None) -> Layout | None:
    """Stages that begin with the layers named (torchtitan before July 2025)."""
    path = _where(table, "pipeline_parallel_split_points")
    points = table.words(path)
    starts = [LAYER.fullmatch(point) for point in points]
    if not points:
        return None
    if any(start is None for start in starts):
        table.problem(path, f'got {given(points)}; expected names such as "layers.8"')
        return None
    if layers is None:
        table.note(path, "the model's layers are not known; taken as spread evenly")
        return None
    edges = [0, *(int(start[1][:9]) for start in starts if start is not None), layers]
    if sorted(set(edges)) != edges or len(edges) > MOST_STAGES:
        table.problem(path, f"got {given(points)}; expected ascending layers below {layers:,}")
        return None
    return placed([after - before for before, after in pairwise(edges)])
