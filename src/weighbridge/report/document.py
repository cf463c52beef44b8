"""A report before it takes a form: facts, tables and notes, which text, HTML, Markdown and CSV render alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

Span = tuple[str, str]
"""A piece of a drawn line: its text and its style, a colour or a background in rich's words; both may be empty."""


PICTURE_WIDTH = 100
"""Columns of a picture where no window says."""


class Picture(Protocol):
    """What is drawn of characters, as wide as the window. It can be read without its colours."""

    def lines(self, width: int, blocks: bool) -> list[list[Span]]:
        """The picture, line by line, none wider than ``width``; ``blocks``: Unicode's block characters can be shown."""
        ...  # pragma: no cover


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        name: its heading.
        number: right-aligned, never wrapped.
        optional: left out where the window is too narrow for all.
        whole: never wrapped, although it is no number.
    """

    name: str
    number: bool = True
    optional: bool = False
    whole: bool = False


@dataclass(frozen=True)
class Row:
    """A row of a table.

    Attributes:
        cells: one text per column.
        kind: the kind of module that gives the row its colour, or a colour (``#rrggbb``), or empty.
        strong: a total or the answer.
    """

    cells: tuple[str, ...]
    kind: str = ""
    strong: bool = False


@dataclass(frozen=True)
class Table:
    """Rows under columns.

    Attributes:
        columns: headings.
        rows: cells.
        title: what it shows; may be empty.
        remark: a sentence on how to read it; may be empty.
    """

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    title: str = ""
    remark: str = ""


@dataclass(frozen=True)
class Document:
    """A whole report.

    Attributes:
        title: what was weighed.
        subtitle: what kind of thing that is.
        facts: the answers, each a line of one to two parts.
        tables: the figures.
        notes: what the reader should know.
        pictures: what is drawn between facts and tables.
    """

    title: str
    subtitle: str
    facts: tuple[tuple[str, ...], ...]
    tables: tuple[Table, ...]
    notes: tuple[str, ...] = ()
    pictures: tuple[Picture, ...] = ()
