"""Where the parts of a block stand: the residual stream on the left, branches in columns beside it, wires between."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from weighbridge.report.block.flow import Place, Vertex
from weighbridge.report.block.shapes import Picture, Wire, Words

GAP, BESIDE = 26, 16
"""Room between boxes below one another and side by side."""


@dataclass
class Placed:
    """A vertex with its picture, and where that stands."""

    vertex: Vertex
    picture: Picture
    top: float = 0
    column: int = 0
    x: float = 0

    @property
    def bottom(self) -> float:
        """Its lower edge."""
        return self.top + self.picture.height

    @property
    def middle(self) -> float:
        """Its centre, across."""
        return self.x + self.picture.width / 2

    @property
    def centre(self) -> float:
        """Its centre, down."""
        return self.top + self.picture.height / 2


def arranged(placed: dict[Vertex, Placed], line: list[Vertex], entry: str) -> Picture:
    """Vertices below what they read, the line in the first column, others in the first one with room."""
    order = list(placed.values())
    for one in order:
        above = [placed[read].bottom for read in one.vertex.reads]
        one.top = max(above) + GAP if above else 0
    _columns(placed, line)
    widths = [
        max((one.picture.width for one in order if one.column == n), default=0)
        for n in range(1 + max(one.column for one in order))
    ]
    loops = _loops(line)
    start = 14.0 * len(loops)
    for one in order:
        left = start + sum(width + BESIDE for width in widths[: one.column])
        one.x = left + (widths[one.column] - one.picture.width) / 2
    made = Picture(start + sum(widths) + BESIDE * (len(widths) - 1), placed[line[-1]].bottom)
    made.shapes += _wires(placed, line, loops)
    for one in order:
        made.put(one.picture, one.x, one.top)
    for one in order:
        label = entry if one.vertex is line[0] else one.vertex.label
        if one.vertex.place is Place.INPUT and entry and label:
            made.shapes.append(Words(one.middle + 8, one.top + 9, label, "s"))
            made.width = max(made.width, one.middle + 8 + 6 * len(label))
    return made


def _columns(placed: dict[Vertex, Placed], line: list[Vertex]) -> None:
    """Give every vertex beside the line the first column that is free from where it begins to where it is read."""
    taken: dict[int, list[tuple[float, float]]] = {}
    read_at = {
        vertex: max([one.bottom, *(p.top for p in placed.values() if vertex in p.vertex.reads)])
        for vertex, one in placed.items()
    }
    beside = [one for vertex, one in placed.items() if vertex not in line]
    for one in sorted(beside, key=lambda p: (p.top, read_at[p.vertex])):
        end = read_at[one.vertex]
        below = [(placed[read].column, one.top) for read in one.vertex.reads if read not in line]
        beside_others = [(column, one.top - GAP + 1) for column in range(1, len(placed) + 1)]
        for column, start in (*below, *beside_others):
            if all(end <= a or b <= start for a, b in taken.get(column, [])):
                one.column = column
                taken.setdefault(column, []).append((start, end))
                break


def _loops(line: list[Vertex]) -> list[tuple[Vertex, Vertex]]:
    """What vertices of the line read of others that do not stand right before them."""
    place = {vertex: number for number, vertex in enumerate(line)}
    return [(read, v) for v in line for read in v.reads if read in place and place[v] - place[read] > 1]


def _wires(placed: dict[Vertex, Placed], line: list[Vertex], loops: list[tuple[Vertex, Vertex]]) -> Iterator[Wire]:
    """A wire for everything that a vertex reads."""
    for number, (read, vertex) in enumerate(loops):
        above, below, left = placed[read], placed[vertex], 14.0 * number + 4
        into = below.vertex.place is Place.JOIN
        end = (below.x, below.centre) if into else (below.middle, below.top - 9)
        start = above.bottom + 9
        yield Wire(((above.middle, start), (left, start), (left, end[1]), end), arrow=into)
    for vertex, below in placed.items():
        for read in vertex.reads:
            if (read, vertex) not in loops:
                yield _wire(placed[read], below, read in line, vertex in line)


def _wire(above: Placed, below: Placed, from_line: bool, to_line: bool) -> Wire:
    """A wire between neighbours: along the line, out of it, back into it, or between boxes beside it."""
    arrow = below.vertex.place is not Place.OUTPUT or from_line
    if above.column == below.column:
        return Wire(((above.middle, above.bottom), (below.middle, below.top)), arrow)
    if to_line and not from_line:
        end = below.x + below.picture.width
        return Wire(((above.middle, above.bottom), (above.middle, below.centre), (end, below.centre)))
    turn = below.top - GAP / 2
    return Wire(((above.middle, above.bottom), (above.middle, turn), (below.middle, turn), (below.middle, below.top)))
