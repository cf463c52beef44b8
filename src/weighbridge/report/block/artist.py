"""Draws modules: boxes, open where branches or repeated modules run inside, each thing only once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from weighbridge.estimate.parameters import parameters_of
from weighbridge.report.block.boxes import Twin, boxed, joined, lines_of, wrapped
from weighbridge.report.block.flow import Place, Vertex, flow, opens, spine
from weighbridge.report.block.layout import Placed, arranged
from weighbridge.report.block.shapes import Line, Picture
from weighbridge.report.block.words import Said, class_words, name_of, said
from weighbridge.tape import Tape
from weighbridge.traced import plain
from weighbridge.tree import Kind, stored
from weighbridge.units import short_count

DIFFERENT = 6
"""Lines in which kinds of layers that are drawn as one may differ."""

LONG = 9
"""Lines of a box that is not drawn twice."""


def _lines(twin: Twin) -> list[tuple[str, str]]:
    return [(line.text, line.figure) for line in said(twin.node)]


def _unseen(twin: Twin) -> Iterator[Line]:
    """Sizes of a module that no part of it says."""
    lines = list(said(twin.node))
    below = " ".join(f"{line.text} {line.figure}" for line in lines if line.level or line.look)
    for line in lines:
        if line.figure and not line.level and line.figure not in below.split():
            yield from wrapped(line.text, line)


class Artist:
    """Draws modules over the tape of one pass.

    Attributes:
        tape: what ran.
        known: what was drawn before, by what it is called and looks like, and where.
        layers: layers that were drawn before, by what they look like.
    """

    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        self.known: dict[str, str] = {}
        self.layers: dict[str, str] = {}

    def module(self, twins: Sequence[Twin]) -> Picture:
        """A box: closed, or open where branches or repeated modules are inside."""
        node = twins[0].node
        closed = not opens(node) or node.kind is Kind.VISION
        own = "; ".join(map(self.looks, twins))
        looks = f"{node.name} {own}"
        before = self.layers.get(own) or self.known.get(looks)
        lines = lines_of(twins)
        if before is not None and (len(lines) > LONG or not closed):
            return boxed(twins, [*lines_of(twins, sizes=False), Line(before)])
        if twins[0].letter:
            self.known[looks] = f"as in layer {', '.join(twin.letter for twin in twins)}"
        if closed:
            return boxed(twins, lines)
        lines = [*lines_of(twins, sizes=False), *_unseen(twins[0]), *self.idle(twins[0])]
        return boxed(twins, lines, self.inside(twins))

    def idle(self, twin: Twin) -> Iterator[Line]:
        """Parts that the pass did not run, in words."""
        ran = {vertex.node for vertex in flow(twin.node, twin.path, self.tape)}
        for child in twin.node.children:
            if child not in ran:
                amount = short_count(int(plain(child.times * child.sum(parameters_of, stored))))
                note = f", {child.module.note}" if child.module.note else ""
                yield from wrapped(f"{name_of(child)}{note}", Said("", amount))

    def looks(self, twin: Twin) -> str:
        """What a module's picture says, to tell equal ones."""
        return f"{self.structure(twin)} {_lines(twin)}"

    def alike(self, one: Twin, other: Twin) -> bool:
        """Whether two kinds of layers are better drawn as one: the same structure, and not many lines that differ."""
        lines = [{*_lines(twin)} for twin in (one, other)]
        return self.structure(one) == self.structure(other) and len(lines[0] ^ lines[1]) <= DIFFERENT

    def structure(self, twin: Twin) -> str:
        """The shape of what runs inside, names included, sizes left out."""
        vertices = flow(twin.node, twin.path, self.tape)
        number = {vertex: str(place) for place, vertex in enumerate(vertices)}
        rows = []
        for vertex in vertices:
            node = vertex.node
            what = vertex.label if vertex.place is Place.JOIN else ""
            if node is not None:
                deeper = self.structure(twin.below(node)) if opens(node) else ""
                what = f"{node.name} {type(node.module).__name__} {node.active} {deeper}"
            rows.append(f"{vertex.place} {what} {' '.join(number[read] for read in vertex.reads)}")
        return "; ".join(rows)

    def inside(self, twins: Sequence[Twin], entry: str = "") -> Picture:
        """What runs inside modules of one structure; ``entry`` is written where the first input comes in."""
        flows = [flow(twin.node, twin.path, self.tape) for twin in twins]
        placed: dict[Vertex, Placed] = {}
        line = spine(flows[0])
        for alike in zip(*flows, strict=True):
            vertex = alike[0]
            picture = Picture(0, 0)
            if vertex.node is not None:
                parts = [t.below(v.node) for t, v in zip(twins, alike, strict=True) if v.node is not None]
                picture = self._again(parts) if vertex.again else self.module(parts)
            elif vertex.place is Place.JOIN:
                picture = joined(vertex.label)
            placed[vertex] = Placed(vertex, picture)
        return arranged(placed, line, entry)

    def _again(self, twins: Sequence[Twin]) -> Picture:
        """A part that goes on after something else ran."""
        return boxed(twins, [Line(class_words(twins[0].node.module), look="b"), Line("goes on with the result")])
