"""A model in the parts that pipeline stages are made of."""

from __future__ import annotations

from dataclasses import dataclass, field

from weighbridge.pieces import Piece
from weighbridge.traced import plain
from weighbridge.tree import Node


@dataclass(frozen=True, eq=False)
class Parts:
    """What stages are made of.

    Attributes:
        before: pieces before the layers (the embedding).
        kinds: one piece per kind of layer.
        runs: kinds in model order, with how many layers of each follow one another.
        prediction: the multi-token prediction layer, if there is one.
        after: pieces after the layers (final norm, head, loss).
        nodes: module trees by part: "before", "after", "prediction", and the number of each kind.
    """

    before: tuple[Piece, ...]
    kinds: tuple[Piece, ...]
    runs: tuple[tuple[int, int], ...]
    prediction: Piece | None
    after: tuple[Piece, ...]
    nodes: dict[str | int, list[Node]] = field(repr=False)

    @classmethod
    def of(cls, tree: Node, found: list[Piece]) -> Parts:
        """Sort pieces and module trees into parts."""
        repeats = {child.path[0]: child for child in tree.children if child.folded}
        apart = {key for key, child in repeats.items() if child.apart}
        layers = [piece for piece in found if id(piece.module) in repeats and id(piece.module) not in apart]
        first = found.index(layers[0]) if layers else len(found)
        rest = [piece for piece in found if piece not in layers]
        prediction = next((piece for piece in rest if id(piece.module) in apart), None)
        plain_pieces = [piece for piece in rest if piece is not prediction]
        before = tuple(piece for piece in plain_pieces if found.index(piece) < first)
        after = tuple(piece for piece in plain_pieces if found.index(piece) > first)
        return cls(before, tuple(layers), _runs(layers), prediction, after, _nodes(tree, layers))

    @property
    def layers(self) -> int:
        """Decoder layers."""
        return sum(length for _, length in self.runs)

    @property
    def predictions(self) -> int:
        """Multi-token prediction layers."""
        return int(plain(self.prediction.count)) if self.prediction else 0

    def name(self, piece: Piece) -> str:
        """What a piece is called."""
        if piece in self.kinds:
            name = str(piece.module.name)
            return name.removesuffix("s")
        if piece is self.prediction:
            return "multi-token prediction"
        return "embedding" if piece in self.before else "head"


def _runs(layers: list[Piece]) -> tuple[tuple[int, int], ...]:
    """Kinds of layers in model order; by their places where they have some, else one kind after another."""
    places = [piece.module.places for piece in layers]
    if any(place is None for place in places):
        return tuple((kind, int(plain(piece.count))) for kind, piece in enumerate(layers))
    kind_at = {place: kind for kind, own in enumerate(places) for place in own}
    runs: list[tuple[int, int]] = []
    for place in sorted(kind_at):
        kind = kind_at[place]
        if runs and runs[-1][0] == kind:
            runs[-1] = (kind, runs[-1][1] + 1)
        else:
            runs.append((kind, 1))
    return tuple(runs)


def _nodes(tree: Node, layers: list[Piece]) -> dict[str | int, list[Node]]:
    """The root's children by the part that they belong to."""
    number = {id(piece.module): kind for kind, piece in enumerate(layers)}
    found: dict[str | int, list[Node]] = {"before": [], "after": [], "prediction": []}
    seen = False
    for child in tree.children:
        if child.folded and child.path[0] in number:
            seen = True
            found[number[child.path[0]]] = [child]
        else:
            found["prediction" if child.apart else "after" if seen else "before"].append(child)
    return found
