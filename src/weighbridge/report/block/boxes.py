"""Modules as boxes: what they say, and how large they are."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from weighbridge.estimate.parameters import parameters_of
from weighbridge.report.block.shapes import Box, Dot, Line, Picture
from weighbridge.report.block.words import Said, class_words, name_of, said
from weighbridge.traced import plain
from weighbridge.tree import Kind, Node, stored
from weighbridge.units import short_count

WIDE, NARROW = 252, 96
"""The widest that a box's lines make it, and the narrowest box."""

HEAD, LINE, PAD, STEP = 20, 16, 9, 12
"""Height of a name and of a line; room at the edges of a box; indent of a level."""

BEHIND = 8
"""How far boxes that stand for several reach to the right and down."""

DOT = 20
"""Size of a sign where values meet."""

CHARACTER, BOLD = 6.3, 9.0
"""Widths of a character of a line and of a name, on the safe side for the fonts of common systems."""


@dataclass(frozen=True)
class Twin:
    """A node of one kind of layer, drawn together with its likes in others.

    Attributes:
        letter: of the kind of layer.
        node: the node.
        path: ids of the modules that run when it does.
    """

    letter: str
    node: Node
    path: tuple[int, ...]

    def below(self, node: Node) -> Twin:
        """A part of it."""
        return Twin(self.letter, node, (*self.path, *node.path))


def lines_of(twins: Sequence[Twin], sizes: bool = True) -> list[Line]:
    """The lines of a box: name, class, sizes; sizes that only some kinds of layers have stand after their letters.

    Args:
        twins: the node of every kind of layer.
        sizes: say sizes too.
    """
    node = twins[0].node
    amounts = {short_count(int(plain(t.node.times * t.node.sum(parameters_of, stored)))) for t in twins}
    names = list(dict.fromkeys((name_of(node), class_words(node.module))))
    small = node.kind is Kind.NORM
    found = [Line(names[0], "" if small or len(amounts) > 1 or amounts == {"0"} else amounts.pop(), look="b")]
    found += [Line(name, look="i") for name in names[1:]]
    if sizes and not small:
        for line, letters in _together({twin.letter: list(said(twin.node)) for twin in twins}):
            prefix = "" if len(letters) == len(twins) else f"{', '.join(letters)}: "
            found += wrapped(prefix + line.text, line)
    return found


def _together(of: dict[str, list[Said]]) -> Iterator[tuple[Said, list[str]]]:
    """Every line once, with the letters that have it: those about one thing together, in the order of the first list
    that has it.
    """
    order: dict[tuple[Said, int], dict[tuple[Said, int], list[str]]] = {}
    for letter, lines in of.items():
        seen: list[Said] = []
        for line in lines:
            about = replace(line, figure="")
            again = seen.count(about)
            seen.append(about)
            order.setdefault((about, again), {}).setdefault((line, again), []).append(letter)
    for same in order.values():
        for (line, _), letters in same.items():
            yield line, letters


def wrapped(text: str, line: Said) -> Iterator[Line]:
    """A line in as many pieces as a box needs for it; the figure stands beside the last."""
    indent = STEP * line.level
    per = CHARACTER * (0.88 if line.look == "s" else 1)
    room = int((WIDE - 2 * PAD - indent - (12 + len(line.figure) * CHARACTER) * bool(line.figure)) / per)
    pieces = textwrap.wrap(text, max(12, room))
    for piece in pieces[:-1]:
        yield Line(piece, "", indent, line.look)
    yield Line(pieces[-1], line.figure, indent, line.look)


def _wide(line: Line) -> float:
    """Room that a line needs."""
    each = {"b": BOLD, "s": 0.9 * CHARACTER}.get(line.look, CHARACTER)
    return line.indent + each * len(line.text) + (12 + CHARACTER * len(line.figure) if line.figure else 0)


def boxed(twins: Sequence[Twin], lines: Sequence[Line], inner: Picture | None = None) -> Picture:
    """A box around lines, and around a picture of what runs inside."""
    node = twins[0].node
    width = max(NARROW, 2 * PAD + max(map(_wide, lines)))
    height: float = HEAD + LINE * (len(lines) - 1) + PAD - (2 if len(lines) == 1 else 0)
    if inner is not None:
        width, height = max(width, inner.width + 2 * PAD), height + inner.height + PAD
    several = node.folded and node.together
    behind = BEHIND if several else 0
    made = Picture(width + behind, height + behind, [Box(0, 0, width, height, str(node.kind), tuple(lines), several)])
    if inner is not None:
        made.put(inner, (width - inner.width) / 2, height - inner.height - PAD)
    return made


def joined(sign: str) -> Picture:
    """The sign of a join."""
    width = DOT if len(sign) == 1 else 14 + 6.6 * len(sign)
    return Picture(width, DOT, [Dot(width / 2, DOT / 2, sign)])
