"""Figures of a deployment explained: formulas where memory has them, else seconds operation by operation."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from weighbridge.estimate.inference.inference import Inference
from weighbridge.estimate.inference.supported import untimed
from weighbridge.report import explanation
from weighbridge.report import inference_memory_explained as memory
from weighbridge.report import inference_times_explained as times
from weighbridge.report.document import Document, Table
from weighbridge.report.inference_tables import weights as kinds
from weighbridge.report.markdown import as_markdown
from weighbridge.report.text import rendered, window
from weighbridge.traced import Traced

MEMORY: dict[str, Callable[[Inference], list[Traced]]] = {
    "weights": memory.weights,
    "kv_cache": memory.kv_cache,
    "cache_per_token": memory.cache_per_token,
    "activations": memory.activations,
    "context": memory.context,
    "total": memory.needed,
    "engine": memory.engine,
    "users": memory.users,
    "longest_context": memory.longest_context,
    "contexts": memory.contexts,
}
"""Lines of memory, each with what makes its traced numbers."""

TIMES: dict[str, Callable[[Inference], list[Traced]]] = {
    "ttft": times.ttft,
    "ttft_alone": times.ttft_alone,
    "tpot": times.tpot,
    "itl": times.itl,
    "speed": times.speed,
    "price": times.price,
    "energy": times.energy,
}
"""Lines that rest on how long passes take."""

TABLES: dict[str, tuple[Callable[[Inference], Table], ...]] = {
    "weights": (kinds,),
    "kv_cache": (memory.shared,),
    "activations": (memory.tensors,),
    "ttft": (partial(times.sums, line="ttft"), times.of_prompt),
    "ttft_alone": (times.of_prompt,),
    "tpot": (partial(times.sums, line="tpot"), times.of_token),
    "itl": (times.of_token,),
}
"""Tables of lines, which say what is on a GPU, or where its seconds go."""


NOTHING = {
    "users": "nothing grows with sequences, or not one fits",
    "longest_context": "nothing grows with the context, or not one token fits",
    "price": "nobody says a price; give --price",
    "energy": "no power of the device is known",
}
"""Why lines open nothing, where they do not."""


def explained(inference: Inference, lines: tuple[str, ...], form: str, depth: int | None) -> str:
    """Lines, each with its derivation; LaTeX has the formulas only."""
    blocks, said = [], set[str]()
    for line in lines:
        made = figures(inference, line)
        blocks += [explanation.FORMS[form](figure, depth) for figure in made]
        document = shown(inference, line, said)
        if not made and document is None and line in NOTHING:
            document = Document(f"{line}: {NOTHING[line]}", "", (), ())
        if document is not None and form != "latex":
            text = as_markdown(document).strip() if form == "markdown" else rendered(document, window()).strip("\n")
            blocks.append(text)
    return "\n\n".join(blocks) + "\n"


def figures(inference: Inference, line: str) -> list[Traced]:
    """The traced numbers of a line."""
    if line in MEMORY:
        return MEMORY[line](inference)
    return [] if untimed(inference) else TIMES[line](inference)


def shown(inference: Inference, line: str, said: set[str] | None = None) -> Document | None:
    """The tables of a line; ``None`` for none.

    Args:
        inference: the deployment.
        line: of it.
        said: titles of tables that stand above, which are not shown again; those of this line are put in.
    """
    reason = "" if line in MEMORY else untimed(inference)
    if reason:
        return Document(f"{line}: not estimated: {reason}", "", (), ())
    above = set[str]() if said is None else said
    tables = tuple(table for make in TABLES.get(line, ()) if (table := make(inference)).title not in above)
    above |= {table.title for table in tables}
    return Document("", "", (), tables) if tables else None
