"""Tables of docs/training.md and docs/megatron.md that are written from the code."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path

from weighbridge import kernels
from weighbridge.estimate.memory.ledger import MEANING, Line
from weighbridge.formats.megatron.table import Bears, rows
from weighbridge.kernels import Kernels
from weighbridge.parallel.framework import FRAMEWORKS, Framework
from weighbridge.parallel.names import PRECISIONS, precision_of
from weighbridge.parallel.optimizer import OPTIMIZERS, Extent, State
from weighbridge.parallel.precision import Precision
from weighbridge.parallel.recompute import DISCARDS, MODULES
from weighbridge.parallel.schedule import FACTS, Placement, in_flight
from weighbridge.parallel.sharding import Sharding

Rows = Iterator[tuple[str, ...]]

STAGES, MICRO_BATCHES = 8, 32
"""The pipeline of the table of schedules."""


def ledger() -> tuple[tuple[str, ...], Rows]:
    """Lines of the ledger."""
    return ("line", "what stands in it"), ((f"`{line}`", MEANING[line]) for line in Line)


def axes() -> tuple[tuple[str, ...], Rows]:
    """What divides each axis: degrees that are different primes show in the divisors."""
    degrees = {"tensor": 2, "context": 3, "expert": 5, "expert-tensor": 7}
    divisors = Sharding(2, 3, 5, 7, sequence_parallel=True).divisors

    def of() -> Rows:
        for axis, what in SHOWN.items():
            by = [name for name, prime in degrees.items() if plain_of(divisors[axis]) % prime == 0]
            yield f"`{axis}`", what, " x ".join(by)

    return ("axis", "what lies along it", "divided by"), of()


SHOWN = {
    "heads": "query heads",
    "kv_heads": "key and value heads",
    "ffn": "columns inside a feed-forward network",
    "expert_ffn": "columns inside an expert",
    "vocabulary": "rows of the embedding, scores of the head",
    "groups": "groups of a state space layer",
    "sequence": "positions between the projections of a layer",
    "stream": "positions of the residual stream, with sequence parallelism",
}


def plain_of(divisor: object) -> int:
    """A divisor as a number."""
    assert isinstance(divisor, int)
    return divisor


def schedules() -> tuple[tuple[str, ...], Rows]:
    """Schedules, and what stages hold under each."""

    def of() -> Rows:
        for name, facts in FACTS.items():
            chunks = facts.fewest_chunks
            held = [in_flight(name, STAGES, stage, MICRO_BATCHES, chunks) for stage in (0, STAGES - 1)]
            halves = (
                chunks > 1 and facts.placement is not Placement.BIDIRECTIONAL
            )  # there each chunk is a stage's layers
            of_what = " of half a stage" if halves else ""
            yield f"`{name}`", facts.title, str(chunks), *(f"{number}{of_what}" for number in held), facts.source

    first = f"first of {STAGES} stages"
    return ("`--schedule`", "name", "chunks", first, "last stage", "order after"), of()


def recomputed() -> tuple[tuple[str, ...], Rows]:
    """Modules that can be recomputed."""
    kept = {True: "nothing of its own: its result is dropped too", False: "its input"}
    return ("module", "what it keeps then"), ((f"`{name}`", kept[name in DISCARDS]) for name in MODULES)


def precisions() -> tuple[tuple[str, ...], Rows]:
    """Names of data types, by framework."""

    def types(found: Precision) -> str:
        main = found.main.name if found.main else "none"
        recipe = f", multiplies: {found.recipe}" if found.recipe else ""
        return f"{found.weights.name}, {found.gradients.name}, {main}{recipe}"

    def cell(name: str, framework: Framework) -> str:
        found = precision_of(name, framework, framework.zero.stage)
        return types(found) if found.recipe is None or found.recipe in framework.recipes else "refused"

    def of() -> Rows:
        for name in PRECISIONS:
            yield f"`{name}`", *(cell(name, FRAMEWORKS[one]) for one in ("megatron", "torchtitan", "hf-sdpa"))

    head = "weights, gradients, main parameters: "
    return ("`--precision`", f"{head}megatron", "torchtitan", "transformers"), of()


def optimizers() -> tuple[tuple[str, ...], Rows]:
    """Optimizers with their states."""
    extent = {Extent.ELEMENT: "", Extent.FACTORS: " per row and per column", Extent.ROW: " per row"}

    def of(state: State) -> str:
        block = f" with an fp32 scale per {state.block}" if state.block else ""
        dtype = state.dtype.name if state.dtype else "as the weights that it updates"
        return f"{state.name} ({dtype}{extent[state.extent]}{block})"

    def states(found: tuple[State, ...]) -> str:
        return ", ".join(map(of, found)) or "none"

    return ("`--optimizer`", "states", "of embeddings, head and vectors", "source"), (
        (f"`{name}`", states(o.states), "the same" if o.others is None else states(o.others), o.source)
        for name, o in OPTIMIZERS.items()
    )


KINDS = ("norm", "attention", "pointwise", "loss", "rope", "experts")


def frameworks() -> tuple[tuple[str, ...], Rows]:
    """Frameworks with their kernels."""
    choices = {name: own.kernels for name, own in FRAMEWORKS.items()}
    return ("`--framework`", "", *KINDS), (
        (f"`{name}`", own.title, *(str(getattr(own, kind)) for kind in KINDS)) for name, own in choices.items()
    )


def defaults() -> tuple[tuple[str, ...], Rows]:
    """What frameworks do with states unless told otherwise."""
    return ("`--framework`", "weights, gradients, main", "data parallelism", "read in"), (
        (
            f"`{name}`",
            f"{own.precision.weights.name}, {own.precision.gradients.name}, "
            + (own.precision.main.name if own.precision.main else "none"),
            f"{own.zero.engine}, stage {own.zero.stage}",
            own.source,
        )
        for name, own in FRAMEWORKS.items()
    )


def choices() -> tuple[tuple[str, ...], Rows]:
    """Every choice of kernel in the words of kernels.py."""
    tree = ast.parse(Path(inspect.getfile(kernels)).read_text("utf-8"))
    fields = dict(Kernels.__annotations__.items())
    named = {str(kind): name for name, kind in fields.items() if name in KINDS}

    def of() -> Rows:
        for found in tree.body:
            if isinstance(found, ast.ClassDef) and found.name in named:
                for member, said in zip(found.body, found.body[1:], strict=False):
                    if isinstance(member, ast.Assign) and isinstance(said, ast.Expr):
                        choice = ast.literal_eval(member.value)
                        words = " ".join(str(ast.literal_eval(said.value)).split())
                        yield named[found.name], choice, words.replace("|", "or")

    return ("operation", "choice", "how it runs, what it keeps"), of()


def arguments() -> str:
    """Megatron-LM's arguments by what becomes of them."""
    titles = {
        Bears.HONOURED: "Honoured",
        Bears.MEMORY: "Bearing on memory or FLOPs, not modelled: a warning names each that is given",
        Bears.TIME: "Bearing on time only, not modelled: a warning names each that is given",
    }
    found = list(rows().values())
    out = []
    for bears, title in titles.items():
        own = sorted(row.name for row in found if row.bears is bears)
        out.append(f"\n**{title}** ({len(own)}): {', '.join(f'`{name}`' for name in own)}.\n")
    harmless = sum(row.bears is Bears.NOTHING for row in found)
    out.append(
        f"\n**Accepted in silence**, because they bear on neither (logging, data, checkpoints ...): {harmless}.\n"
    )
    return "".join(out)


def spreads() -> tuple[tuple[str, ...], Rows]:
    """ZeRO stages with the engine of each framework that does them."""
    what = (
        "nothing",
        "main parameters and optimizer states",
        "gradients too",
        "weights too, gathered when a layer runs",
    )

    def of() -> Rows:
        for stage, words in enumerate(what):
            own = (FRAMEWORKS[name] for name in ("megatron", "torchtitan", "hf-sdpa"))
            yield f"`{stage}`", words, *(str(one.engines[stage]) for one in own)

    return ("`--zero`", "spreads", "Megatron", "torchtitan", "transformers"), of()


TABLES: dict[str, Callable[[], tuple[tuple[str, ...], Rows]]] = {
    "ledger": ledger,
    "axes": axes,
    "zero stages": spreads,
    "schedules": schedules,
    "recompute": recomputed,
    "precisions": precisions,
    "optimizers": optimizers,
    "frameworks": frameworks,
    "defaults": defaults,
    "kernels": choices,
}
"""A head and rows by the name of a region."""
