"""Documents for a terminal: aligned, no wider than the window, plain when piped or when NO_COLOR is set."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

from weighbridge.report.document import Document, Table

if TYPE_CHECKING:
    from rich.console import Console

COLOURS = {
    "embedding": "#e69f00",
    "attention": "#56b4e9",
    "linear attention": "#0072b2",
    "state space": "#009e73",
    "mlp": "#d55e00",
    "experts": "#cc79a7",
    "router": "#b8a600",
    "norm": "#999999",
    "head": "#f0c808",
    "vision": "#8c3b8c",
}
"""The Okabe-Ito palette (Okabe and Ito 2008), one colour per kind of module in every picture."""


def colour_of(kind: str) -> str:
    """The colour of a row: its own, or that of its kind of module; empty for none."""
    return kind if kind.startswith("#") else COLOURS.get(kind, "")


WIDE = 120
NARROW = 20


def window() -> int:
    """Columns of the terminal, within reason."""
    return min(WIDE, max(NARROW, shutil.get_terminal_size((100, 24)).columns))


def console(width: int | None = None, plain: bool = False) -> Console:
    """A console on standard output, or one that writes plain text."""
    from rich.console import Console

    size = width or window()
    if plain:
        return Console(width=size, no_color=True, highlight=False, markup=False, emoji=False, color_system=None)
    return Console(width=size, highlight=False, markup=False, emoji=False, soft_wrap=False)


def rendered(document: Document, width: int = 100) -> str:
    """A document as plain text."""
    return _drawn(document, console(width, plain=True))


def printed(document: Document) -> str:
    """A document for standard output: in colour where it is a terminal."""
    return _drawn(document, console())


def _drawn(document: Document, screen: Console) -> str:
    """A document as a console draws it, without spaces at the ends of lines."""
    with screen.capture() as capture:
        show(document, screen)
    return "\n".join(line.rstrip() for line in capture.get().splitlines()) + "\n"


def show(document: Document, screen: Console) -> None:
    """Print a document: the answer first, then pictures and tables, then the notes."""
    from rich.text import Text

    _facts(document, screen)
    for picture in document.pictures:
        screen.print()
        for line in picture.lines(screen.width, has_blocks(screen)):
            screen.print(Text.assemble(*line), soft_wrap=True)
    for table in document.tables:
        screen.print()
        if table.title:
            screen.print(Text(table.title, style="bold"))
        _table(screen, table)
        if table.remark:
            screen.print(Text(table.remark, style="dim"))
    if document.notes:
        screen.print()
    for note in document.notes:
        screen.print(Text(f"note: {note}", style="dim"))


def has_blocks(screen: Console) -> bool:
    """Whether a console's encoding has Unicode's block characters."""
    try:
        "▁█".encode(screen.encoding)
    except (UnicodeError, LookupError):
        return False
    return True


def _facts(document: Document, screen: Console) -> None:
    """Title and facts: second parts in one column beside the first if there is room, else on lines of their own."""
    from rich.text import Text

    pairs = [(document.title, document.subtitle), *((fact[0], "".join(fact[1:])) for fact in document.facts)]
    column = min([BESIDE, *(screen.width - len(right) for _, right in pairs if right)])
    for number, (left, right) in enumerate(pairs):
        styles = ("bold", "dim") if number == 0 else ("", "")
        if right and len(left) + 3 <= column:
            screen.print(Text.assemble((f"{left:<{column}}", styles[0]), (right, styles[1])))
        else:
            screen.print(
                *(Text(part, style) for part, style in zip((left, right), styles, strict=True) if part), sep="\n"
            )


BESIDE = 60
"""Column at which second parts of facts begin if the window is wide enough."""

INDENT = "    "

LABEL = 24
"""Columns that the first column of a table needs at least to be read."""


def _fitted(table: Table, width: int) -> Table:
    """A table without as many of its optional columns, from the right, as a window has no room for."""
    while sum(_widths(table)) - 2 > width and any(column.optional for column in table.columns):
        last = max(i for i, column in enumerate(table.columns) if column.optional)
        rows = tuple(replace(row, cells=row.cells[:last] + row.cells[last + 1 :]) for row in table.rows)
        table = replace(table, columns=table.columns[:last] + table.columns[last + 1 :], rows=rows)
    return table


def _widths(table: Table) -> list[int]:
    """Columns of the window that each column of a table needs, with the gap after it."""
    needed = []
    for number, column in enumerate(table.columns):
        longest = max([len(column.name), *(len(row.cells[number]) for row in table.rows)])
        needed.append(2 + (longest if column.number or column.whole else min(longest, LABEL)))
    return needed


def _records(screen: Console, table: Table) -> None:
    """A table that is too wide for the window, row by row: no figure is ever cut."""
    from rich.text import Text

    for row in table.rows:
        screen.print(Text(row.cells[0], style=colour_of(row.kind) or ("bold" if row.strong else "")))
        for column, cell in zip(table.columns[1:], row.cells[1:], strict=True):
            if cell:
                screen.print(Text(f"{INDENT}{column.name} {cell}".rstrip()))


def _table(screen: Console, table: Table) -> None:
    from rich.table import Table as Grid
    from rich.text import Text

    table = _fitted(table, screen.width)
    if sum(_widths(table)) - 2 > screen.width:
        _records(screen, table)
        return
    grid = Grid(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for column in table.columns:
        grid.add_column(
            column.name,
            justify="right" if column.number else "left",
            no_wrap=column.number or column.whole,
            overflow="fold",
        )
    for row in table.rows:
        colour = colour_of(row.kind)
        style = f"bold {colour}".strip() if row.strong else ""
        first = Text(row.cells[0], style=style or colour)
        rest = [Text(cell, style="bold" if row.strong else colour * cell.startswith("#")) for cell in row.cells[1:]]
        grid.add_row(first, *rest)
    screen.print(grid)
