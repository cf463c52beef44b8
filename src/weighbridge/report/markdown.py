"""Documents as Markdown and as CSV."""

from __future__ import annotations

import csv
import io

from weighbridge.report.document import PICTURE_WIDTH, Document, Table


def as_markdown(document: Document) -> str:
    """A document with pipe tables."""
    parts = [f"## {document.title}", document.subtitle]
    parts += ["  ".join(fact) for fact in document.facts]
    for picture in document.pictures:
        drawn = ("".join(text for text, _ in line).rstrip() for line in picture.lines(PICTURE_WIDTH, blocks=True))
        parts.append("\n".join(("```text", *drawn, "```")))
    for table in document.tables:
        parts += [f"### {table.title}"] if table.title else []
        parts += [_pipes(table), table.remark]
    parts += [f"> {note}" for note in document.notes]
    return "\n\n".join(part for part in parts if part) + "\n"


def _pipes(table: Table) -> str:
    heads = [column.name for column in table.columns]
    rules = ["---:" if column.number else "---" for column in table.columns]
    rows = [[_cell(cell) for cell in row.cells] for row in table.rows]
    return "\n".join("| " + " | ".join(row) + " |" for row in [heads, rules, *rows])


def _cell(cell: str) -> str:
    """A cell whose indentation survives: the levels of a tree."""
    bare = cell.lstrip(" ")
    return "&nbsp;" * (len(cell) - len(bare)) + bare.rstrip().replace("|", r"\|")


def as_csv(table: Table) -> str:
    """One table as CSV, numbers without thousands separators."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([column.name for column in table.columns])
    for row in table.rows:
        writer.writerow([_bare(cell) for cell in row.cells])
    return out.getvalue()


def _bare(cell: str) -> str:
    stripped = cell.strip()
    return stripped.replace(",", "") if stripped.replace(",", "").isdigit() else stripped
