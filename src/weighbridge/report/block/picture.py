"""A model as a picture (SVG): what it is from tokens to scores, which layers stand where, and what runs in each kind.

Everything is read off the module tree and the tape of a forward pass; sizes say what their class says of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from string import ascii_letters

from weighbridge.estimate.compute import record, usual_length
from weighbridge.estimate.parameters import params
from weighbridge.models import Model
from weighbridge.report.block.artist import Artist
from weighbridge.report.block.boxes import PAD, WIDE, Twin, boxed, joined, lines_of
from weighbridge.report.block.layout import BESIDE, GAP
from weighbridge.report.block.shapes import CELL, Box, Cells, Line, Picture, Wire, Words
from weighbridge.report.block.svg import svg
from weighbridge.report.modules import ranges
from weighbridge.tape import Pass
from weighbridge.traced import plain
from weighbridge.tree import Kind, Node
from weighbridge.units import short_count

ROOM = 1120
"""Width that everything shares."""

PER_ROW = 12
"""Layers that stand side by side in the row of all layers."""


@dataclass(frozen=True)
class Panel:
    """Kinds of layers that have one structure.

    Attributes:
        twins: a node for every kind.
        title: what they are called and where they stand.
    """

    twins: tuple[Twin, ...]
    title: tuple[str, ...]


def drawing(model: Model) -> str:
    """The picture of a model as SVG, on a ground of its own that follows the reader's choice of light or dark."""
    tape = record(model.network, Pass(sequence=usual_length(model), prediction=True))
    artist = Artist(tape)
    panels = list(_panels(model.tree, artist))
    whole = _packed([_column(model.tree, panels), *(_framed(artist, panel) for panel in panels)])
    return svg(whole, *_titles(model))


def _titles(model: Model) -> tuple[str, str]:
    """What the picture is of, and how it is to be read."""
    report = params(model)
    total, active = int(plain(report.total)), int(plain(report.active))
    title = f"{model.name}: {model.family}, {short_count(total)} parameters"
    if active != total:
        title += f", {short_count(active)} active per token"
    layers = (child.module for child in model.tree.children if child.folded)
    width = next((plain(layer.hidden_size) for layer in layers if hasattr(layer, "hidden_size")), None)
    stream = f"residual stream {int(width):,} wide; " if width is not None else ""
    return title, f"{stream}in grey beside a name: its parameters"


def _panels(tree: Node, artist: Artist) -> Iterator[Panel]:
    """Kinds of layers, those that are alike together, in order of first appearance; what is counted apart last."""
    kinds = [child for child in tree.children if child.folded and not child.apart]
    groups: list[list[Twin]] = []
    for number, node in enumerate(kinds):
        twin = Twin(letter(number) if len(kinds) > 1 else "", node, (*tree.path, *node.path))
        group = next((twins for twins in groups if artist.alike(twins[0], twin)), None)
        if group is None:
            groups.append([twin])
        else:
            group.append(twin)
    for twins in groups:
        yield Panel(tuple(twins), tuple(_whereabouts(twin, len(kinds) > 1) for twin in twins))
    for node in tree.children:
        if node.apart:
            count = f"{int(plain(node.times)):,} x, counted apart" if node.folded else "counted apart"
            yield Panel((Twin("", node, (*tree.path, *node.path)),), (f"{node.name.replace('_', ' ')}: {count}",))


def letter(number: int) -> str:
    """A to Z, a to z, then Greek ones."""
    return ascii_letters[number - 26] if number < len(ascii_letters) else chr(ord("α") + number - len(ascii_letters))


def _whereabouts(twin: Twin, several: bool) -> str:
    """Which kind of layer it is, how many there are, and where."""
    node, count = twin.node, int(plain(twin.node.times))
    if not several:
        return f"every layer ({count:,})" if count > 1 else "the only layer"
    name = node.name.removesuffix("_layers").replace("_", " ")
    places = f": {ranges(node.places)}" if node.places is not None else ""
    return f"{twin.letter}  {name}, {count:,} {'layers' if count > 1 else 'layer'}{places}"


def _packed(pictures: list[Picture]) -> Picture:
    """Pictures in columns: each where it stands highest, a new column while there is room for one."""
    columns: list[list[Picture]] = []
    for made in pictures:
        choices = []
        for number, column in enumerate([*columns, []]):
            widths = [max(one.width for one in other) for other in columns if other is not column]
            wide = sum(widths) + max([made.width, *(one.width for one in column)]) + BESIDE * len(widths)
            tall = sum(one.height + BESIDE for one in column)
            choices.append((max(0.0, wide - ROOM), tall, number))
        number = min(choices)[2]
        columns[number:] = [[*columns[number], made], *columns[number + 1 :]] if number < len(columns) else [[made]]
    whole, x = Picture(), 0.0
    for column in columns:
        y = 0.0
        for one in column:
            whole.put(one, x, y)
            y += one.height + BESIDE
        x = whole.width + BESIDE
    return whole


def _framed(artist: Artist, panel: Panel) -> Picture:
    """A panel: its titles over what runs inside."""
    inner = artist.inside(panel.twins, "residual stream")
    for twin in panel.twins:
        artist.layers.setdefault(artist.looks(twin), f"as layer {twin.letter}".rstrip())
    head = 18.0 * len(panel.title) + 10
    width = max(inner.width, *(8 * len(title) for title in panel.title)) + 2 * PAD
    made = Picture(width, head + inner.height + PAD, [Box(0, 0, width, head + inner.height + PAD, "", ())])
    made.shapes += [Words(PAD, 20 + 18 * row, title, "b") for row, title in enumerate(panel.title)]
    made.put(inner, PAD, head)
    return made


def _column(tree: Node, panels: list[Panel]) -> Picture:
    """The whole model from top to bottom: what comes in, embedding, layers, final norm, head."""
    made, layers = Picture(WIDE), [twin for panel in panels for twin in panel.twins if not twin.node.apart]
    _say(made, "tokens")
    drawn = False
    for node in tree.children:
        if node.folded and not node.apart:
            if not drawn:
                _below(made, _strip(layers))
            drawn = True
        elif not node.apart:
            towers = [child for child in node.children if child.kind is Kind.VISION]
            if towers:
                _joining(made, node, towers)
            else:
                twins, lines = [Twin("", node, node.path)], lines_of([Twin("", node, node.path)])
                named = [Line(node.name.replace("_", " "), look="b"), replace(lines[0], look="i")]
                _below(made, boxed(twins, named if node.kind is Kind.NORM else lines))
    middle = WIDE / 2
    made.shapes.append(Wire(((middle, made.height), (middle, made.height + GAP))))
    made.height += GAP
    _say(made, "scores of the next token")
    return made


def _say(made: Picture, text: str) -> None:
    made.shapes.append(Words(WIDE / 2, made.height + 13, text, "m"))
    made.height += 18


def _below(made: Picture, other: Picture) -> None:
    """Add a picture below, with an arrow into it."""
    middle = WIDE / 2
    made.shapes.append(Wire(((middle, made.height), (middle, made.height + GAP))))
    made.put(other, middle - other.width / 2, made.height + GAP)


def _joining(made: Picture, node: Node, towers: list[Node]) -> None:
    """An embedding that something beside the table of tokens leads into: each above a place where they join."""
    for child in (child for child in node.children if child not in towers):
        twins = [Twin("", child, child.path)]
        _below(made, boxed(twins, lines_of(twins)))
    ends = made.height
    for child in towers:
        twins = [Twin("", child, child.path)]
        made.height += 10
        _say(made, f"input of the {child.name.replace('_', ' ')}")
        _below(made, boxed(twins, lines_of(twins)))
    middle, sign = WIDE / 2, joined("join")
    left, at = middle - sign.width / 2, made.height + GAP
    around = (
        (middle, ends),
        (middle, ends + 5),
        (-10, ends + 5),
        (-10, at + sign.height / 2),
        (left, at + sign.height / 2),
    )
    made.shapes += [Wire(around), Wire(((middle, made.height), (middle, at)))]
    made.put(sign, left, at)


def _strip(layers: list[Twin]) -> Picture:
    """All layers in their order: a cell with the letter of its kind for each."""
    kind_at = {place: twin for twin in layers for place in twin.node.places or ()}
    total = sum(int(plain(twin.node.times)) for twin in layers)
    rows = -(-len(kind_at) // PER_ROW)
    height = 30 + CELL * rows + (6 if rows else 0)
    made = Picture(WIDE, height, [Box(0, 0, WIDE, height, "", ())])
    made.shapes.append(Words(PAD, 20, f"{total:,} {'layers' if total > 1 else 'layer'}", "b"))
    colours = _telling(layers)
    order = [kind_at[place].letter for place in sorted(kind_at)]
    for row in range(rows):
        letters = order[row * PER_ROW : (row + 1) * PER_ROW]
        y = 28 + CELL * row
        for kind, group in groupby(enumerate(letters), lambda cell: colours[cell[1]]):
            places = [place for place, _ in group]
            made.shapes.append(Cells(8 + CELL * places[0], y, len(places), kind))
        made.shapes.append(Words(8 + CELL / 2 - 1, y + 12.5, "".join(letters), "c"))
    return made


def _telling(layers: list[Twin]) -> dict[str, str]:
    """The kind of module that tells each kind of layer from the others: of its first branch that not all have."""
    branches = {
        twin.letter: [str(node.kind) for node in twin.node.walk() if getattr(node.module, "branch", "")]
        for twin in layers
    }
    shared = set.intersection(*(set(kinds) for kinds in branches.values()))
    return {
        letter: next((kind for kind in kinds if kind not in shared), kinds[0] if kinds else "")
        for letter, kinds in branches.items()
    }
