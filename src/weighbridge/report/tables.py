"""What each question's report says, as a document."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from weighbridge.estimate.conventions import MEANING, differences
from weighbridge.report.document import Column, Document, Row, Table
from weighbridge.report.modules import DEFAULT_DEPTH, lines
from weighbridge.report.stored import stored_facts, stored_table
from weighbridge.report.weights import weights_facts, weights_tables
from weighbridge.tree import Kind, Node, layer_count, run, stored
from weighbridge.units import flops, gibibytes, gigabytes, percent, short_count, thousands

if TYPE_CHECKING:
    from weighbridge.estimate.comparison import Comparison
    from weighbridge.estimate.compute import FlopReport
    from weighbridge.estimate.generation import Generation
    from weighbridge.estimate.parameters import ParameterReport
    from weighbridge.models import Model
    from weighbridge.models.catalogue import Entry


def kind_of_model(model: Model, tree: Node) -> str:
    """``Llama family, dense, 32 layers``."""
    nodes = list(tree.walk())
    layers = layer_count(tree)
    sparse = "mixture of experts" if any(node.kind is Kind.EXPERTS for node in nodes) else "dense"
    mixers = {node.kind for node in nodes} & {Kind.ATTENTION, Kind.LINEAR_ATTENTION, Kind.STATE_SPACE}
    hybrid = ", hybrid" if len(mixers) > 1 else ""
    return f"{model.family}, {sparse}{hybrid}, {layers:,} layer{'s' if layers != 1 else ''}"


def parameters(report: ParameterReport, depth: int = DEFAULT_DEPTH) -> Document:
    """Totals, the module tree, kinds of modules, bytes by data type."""
    total, size = report.total, report.bytes()
    in_types = report.dtype.name
    if report.router_dtype is not None and Kind.ROUTER in report.by_kind:
        in_types += f", router in {report.router_dtype.name}"
    facts: list[tuple[str, ...]] = [
        (
            f"{total:,} parameters ({short_count(total)})",
            f"{size:,} bytes in {in_types} ({gigabytes(size)}, {gibibytes(size)})",
        )
    ]
    if report.active != total:
        share = percent(report.active, total)
        facts.append((f"{report.active:,} active per token ({short_count(report.active)}, {share})",))
    if report.prediction:
        facts.append((f"{report.prediction:,} in multi-token prediction, counted apart",))
    facts.append((f"{report.embedding:,} embedding, {report.non_embedding:,} non-embedding",))
    tables: tuple[Table, ...] = (_modules(report, depth), _kinds(report), _types(report))
    if report.checkpoint is not None and (report.weights is None or report.weights.file.form != "gguf"):
        facts += stored_facts(report.checkpoint)
        tables = (*tables, stored_table(report.checkpoint))
    if report.weights is not None:
        facts += weights_facts(report.weights)
        tables = (*tables, *weights_tables(report.weights))
    subtitle = kind_of_model(report.model, report.tree)
    return Document(report.model.name, subtitle, tuple(facts), tables, report.notes)


def _modules(report: ParameterReport, depth: int) -> Table:
    from weighbridge.estimate.parameters import parameters_of

    total = report.total
    rows = []
    for line in lines(report.tree, lambda node: node.sum(parameters_of, stored), stored, depth):
        whole = line.count * line.each
        share = "apart" if line.apart else percent(whole, total)
        if line.each == 0 and line.node.kind is Kind.HEAD:
            share = "tied"
        cells = (line.label, f"{line.count:,}", f"{line.each:,}", f"{whole:,}", share)
        rows.append(Row(cells, line.node.kind.value))
    rows.append(Row(("total", "", "", f"{total:,}", percent(total, total)), strong=True))
    counts = (Column("count", optional=True), Column("each", optional=True))
    columns = (Column("module", number=False), *counts, Column("parameters"), Column("share", optional=True))
    return Table(columns, tuple(rows))


def bar(part: int, whole: int, width: int = 24) -> str:
    """A share as a bar of characters that any terminal has."""
    return "#" * round(width * part / whole) if whole else ""


def _kinds(report: ParameterReport) -> Table:
    rows = tuple(
        Row((kind.value, thousands(count), percent(count, report.total), bar(count, report.total)), kind.value)
        for kind, count in report.by_kind.items()
    )
    drawn = Column("", number=False, optional=True)
    columns = (Column("kind", number=False), Column("parameters"), Column("share"), drawn)
    return Table(columns, rows, "By kind of module")


def _types(report: ParameterReport) -> Table:
    rows = tuple(
        Row((name, thousands(size), gigabytes(size), gibibytes(size)), strong=name == report.dtype.name)
        for name, size in report.bytes_by_type.items()
    )
    apart = report.router_dtype is not None and Kind.ROUTER in report.by_kind
    router = f"; router in {report.router_dtype.name}" if apart and report.router_dtype else ""
    columns = (Column("data type", number=False), Column("bytes"), Column("decimal", optional=True), Column("binary"))
    return Table(columns, rows, f"Bytes by data type (without scales of quantised formats{router})")


def compute(report: FlopReport, depth: int = DEFAULT_DEPTH) -> Document:
    """FLOPs of a training step: totals, modules, conventions, what is not counted."""
    per_token = f"{report.training / report.tokens:,.0f} FLOPs per token"
    facts = (
        (f"forward   {report.forward:,} FLOPs ({flops(report.forward)})",),
        (f"backward  {report.backward:,} FLOPs ({flops(report.backward)})",),
        (f"training  {report.training:,} FLOPs ({flops(report.training)})", per_token),
    )
    tables = (_work(report, depth), _conventions(report), _uncounted(report))
    pairs = ""
    if report.convention == "exact":
        pairs = f", {'visible' if report.work.causal else 'all'} query-key pairs"
    title = f"{report.model.name}: {report.work.batch:,} x {report.work.sequence:,} tokens"
    subtitle = f"convention {report.convention}{pairs}"
    notes = (f"{report.convention}: {MEANING[report.convention]}", *report.model.notes)
    return Document(title, subtitle, facts, tables, notes)


def closed(report: FlopReport, convention: str) -> Document:
    """The training step under a convention that is one formula for the whole model."""
    found = {difference.convention: difference for difference in differences(report.model, report.work)}[convention]
    facts = ((f"training  {found.training:,} FLOPs ({flops(found.training)})",),)
    title = f"{report.model.name}: {report.work.batch:,} x {report.work.sequence:,} tokens"
    notes = (f"{convention}: {found.meaning}", *report.model.notes)
    return Document(title, f"convention {convention}", facts, (_conventions(report),), notes)


def turned(document: Document, width: int) -> Document:
    """A comparison with models as columns, as many side by side as a window has room for."""
    table = document.tables[0]
    names = 2 + max(len(column.name) for column in table.columns)
    blocks: list[list[Row]] = []
    room = 0
    for model in table.rows:
        needed = 2 + max(map(len, model.cells))
        if not blocks or needed > room:
            blocks.append([])
            room = width + 2 - names
        blocks[-1].append(model)
        room -= needed
    return replace(document, tables=tuple(_turned(table, block) for block in blocks))


def _turned(table: Table, models: list[Row]) -> Table:
    """Rows of a table as columns; the first cells, which hold the names, are the heads."""
    heads = (Column("", number=False), *(Column(model.cells[0]) for model in models))
    kept = range(1, len(table.columns))
    return Table(heads, tuple(Row((table.columns[i].name, *(model.cells[i] for model in models))) for i in kept))


def _work(report: FlopReport, depth: int) -> Table:
    rows = []
    backward = lines(report.tree, lambda node: report.of(node, "backward"), run, depth)
    for line, back in zip(lines(report.tree, lambda n: report.of(n, "forward"), run, depth), backward, strict=True):
        forward, behind = line.count * line.each, back.count * back.each
        if forward or behind:
            cells = (line.label, f"{forward:,}", f"{behind:,}", percent(forward + behind, report.training))
            rows.append(Row(cells, line.node.kind.value))
    total = ("total", f"{report.forward:,}", f"{report.backward:,}", percent(1, 1))
    directions = (Column("forward FLOPs"), Column("backward FLOPs", optional=True), Column("share", optional=True))
    columns = (Column("module", number=False), *directions)
    return Table(columns, (*rows, Row(total, strong=True)))


def _conventions(report: FlopReport) -> Table:
    rows = []
    found = differences(report.model, report.work)
    base = next(d.training for d in found if d.convention == "exact")
    for difference in found:
        ratio = f"{difference.training / base:.3f}"
        cells = (difference.convention, f"{difference.training:,}", ratio, difference.meaning)
        rows.append(Row(cells, strong=difference.convention == report.convention))
    columns = (Column("convention", False), Column("training FLOPs"), Column("to exact"), Column("counts", False, True))
    return Table(columns, tuple(rows), "How conventions differ on this model")


def _uncounted(report: FlopReport) -> Table:
    rows = tuple(Row((name, f"{count:,}")) for name, count in report.uncounted().items())
    title = f"Operations without FLOPs under {report.convention}, and the values that they make"
    return Table((Column("operation", number=False), Column("values, forward")), rows, title)


def generation(report: Generation, depth: int = DEFAULT_DEPTH) -> Document:
    """FLOPs of a prompt and of the tokens generated after it."""
    prefill, decode = report.prefill.forward, report.decode.forward
    ratio = prefill / decode if decode else 0
    facts = (
        (f"prefill  {prefill:,} FLOPs ({flops(prefill)})", f"{report.prompt:,} tokens, logits of the last one"),
        (f"decode   {decode:,} FLOPs ({flops(decode)})", f"{report.tokens:,} tokens, one by one, with a cache"),
        (f"together {prefill + decode:,} FLOPs", f"prefill to decode {ratio:.2f}"),
    )
    rows = []
    after = lines(report.decode.tree, lambda node: report.decode.of(node, "forward"), run, depth)
    before = lines(report.prefill.tree, lambda node: report.prefill.of(node, "forward"), run, depth)
    for line, later in zip(before, after, strict=True):
        a, b = line.count * line.each, later.count * later.each
        if a or b:
            rows.append(Row((line.label, f"{a:,}", f"{b:,}"), line.node.kind.value))
    rows.append(Row(("total", f"{prefill:,}", f"{decode:,}"), strong=True))
    table = Table((Column("module", False), Column("prefill FLOPs"), Column("decode FLOPs")), tuple(rows))
    convention = report.prefill.convention
    batch = report.prefill.work.batch
    title = f"{report.prefill.model.name}: {batch:,} sequence{'s' if batch != 1 else ''}"
    notes = (f"{convention}: {MEANING[convention]}", *report.prefill.model.notes)
    return Document(title, f"convention {convention}", facts, (table,), notes)


def comparison(report: Comparison) -> Document:
    """Models side by side, one per row."""
    columns = tuple(Column(name, number=name not in ("model", "family")) for name in report.columns)
    rows = tuple(Row(tuple(_cell(value) for value in row)) for row in report.rows)
    return Document("Comparison", f"{len(rows)} models, {report.note}", (), (Table(columns, rows),), report.notes)


def _cell(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else str(value)


def catalogue(entries: Sequence[Entry], words: str) -> Document:
    """The models of the catalogue."""
    rows = tuple(Row((e.name, short_count(e.parameters), str(e.config["model_type"]), e.hugging_face)) for e in entries)
    columns = (
        Column("name", False),
        Column("parameters"),
        Column("type", False, True),
        Column("Hugging Face", False, True),
    )
    found = f"{len(entries)} models" + (f" with {words!r}" if words else "")
    return Document("Catalogue", found, (), (Table(columns, rows),), ())


def families(named: Mapping[str, str]) -> Document:
    """Families by their ``model_type``, and how many models of the catalogue each has."""
    from weighbridge.models import catalogue as models

    counts = Counter(str(entry.config["model_type"]) for entry in models.entries())
    rows = tuple(Row((kind, name, f"{counts[kind]:,}")) for kind, name in named.items())
    columns = (Column("model_type", False), Column("family", False), Column("in the catalogue"))
    return Document("Families", f"{len(named)} types", (), (Table(columns, rows),), ())
