"""Documents as HTML for notebooks."""

from __future__ import annotations

from html import escape

from weighbridge.report.document import PICTURE_WIDTH, Document, Picture, Span, Table
from weighbridge.report.text import colour_of

NUMBER = "text-align:right;font-variant-numeric:tabular-nums;padding:1px 10px"
WORD = "text-align:left;white-space:pre;padding:1px 10px"


def page(document: Document) -> str:
    """A fragment that a notebook shows: title, facts, tables, notes."""
    facts = "".join(f"<div>{' &nbsp; '.join(map(escape, fact))}</div>" for fact in document.facts)
    notes = "".join(f"<div><small>note: {escape(note)}</small></div>" for note in document.notes)
    tables = "".join(_table(table) for table in document.tables)
    title = f"<div><b>{escape(document.title)}</b> <span>{escape(document.subtitle)}</span></div>"
    pictures = "".join(map(_picture, document.pictures))
    return f'<div class="weighbridge">{title}{facts}{pictures}{tables}{notes}</div>'


def _picture(picture: Picture) -> str:
    lines = ("".join(map(_span, line)) for line in picture.lines(PICTURE_WIDTH, blocks=True))
    return f'<pre style="line-height:1.2">{"<br>".join(lines)}</pre>'


def _span(span: Span) -> str:
    """A piece of a picture; of its style the colours (``#rrggbb on #rrggbb``)."""
    text, style = span
    ink, _, ground = style.rpartition("on ") if "on " in style else (style, "", "")
    colours = [(name, word) for name, part in (("color", ink), ("background", ground)) for word in part.split()]
    css = ";".join(f"{name}:{word}" for name, word in colours if word.startswith("#"))
    return f'<span style="{css}">{escape(text)}</span>' if css else escape(text)


def _table(table: Table) -> str:
    styles = [NUMBER if column.number else WORD for column in table.columns]
    heads = "".join(f'<th style="{s}">{escape(c.name)}</th>' for c, s in zip(table.columns, styles, strict=True))
    rows = []
    for row in table.rows:
        colour = colour_of(row.kind)
        edge = f"border-left:4px solid {colour};" if colour else ""
        cells = [
            f'<td style="{edge if not i else ""}{style}">{escape(cell)}</td>'
            for i, (cell, style) in enumerate(zip(row.cells, styles, strict=True))
        ]
        rows.append(f"<tr>{''.join(cells)}</tr>")
    caption = f'<caption style="text-align:left"><b>{escape(table.title)}</b></caption>' if table.title else ""
    remark = f"<div><small>{escape(table.remark)}</small></div>" if table.remark else ""
    return f"<table>{caption}<thead><tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table>{remark}"
