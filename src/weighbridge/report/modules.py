"""The folded module tree as rows of a table."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from weighbridge.arithmetic import Count
from weighbridge.tree import Kind, Node, stored

DEFAULT_DEPTH = 2


@dataclass(frozen=True)
class Line:
    """One row of the tree.

    Attributes:
        label: indented name; folded copies with their places.
        node: the module (of several norms side by side, the first).
        count: copies in the whole model.
        each: the quantity of one copy.
        apart: counted apart from the total, as it or a module above it is.
    """

    label: str
    node: Node
    count: Count
    each: Count
    apart: bool = False


def lines(root: Node, quantity: Callable[[Node], Count], copies: Callable[[Node], Count], depth: int) -> list[Line]:
    """Rows of a tree down to a depth. Norms side by side share a row until a deeper level is asked for.

    Args:
        root: the model; it has no row of its own.
        quantity: of one copy of a node.
        copies: how many copies count in the parent.
        depth: levels to show.
    """
    return list(_below(root, quantity, copies, depth, 0, 1))


def _below(
    parent: Node,
    quantity: Callable[[Node], Count],
    copies: Callable[[Node], Count],
    depth: int,
    level: int,
    times: Count,
    apart: bool = False,
) -> Iterator[Line]:
    for group in _groups(parent.children, fold_norms=level > 0 and depth <= DEFAULT_DEPTH):
        first = group[0]
        label = "norms" if len(group) > 1 else title(first)
        count = times * copies(first)
        away = apart or first.apart
        yield Line("  " * level + label, first, count, sum(quantity(node) for node in group), away)
        if level + 1 < depth and len(group) == 1:
            yield from _below(first, quantity, copies, depth, level + 1, count, away)


def _groups(children: Sequence[Node], fold_norms: bool) -> Iterator[list[Node]]:
    norms = [node for node in children if node.kind is Kind.NORM]
    if not fold_norms or len(norms) < 2:
        yield from ([node] for node in children)
        return
    yield from ([node] for node in children if node.kind is not Kind.NORM)
    yield norms


def title(node: Node) -> str:
    """A node's name; of folded copies the places, how many and what: ``(0-31): 32 x DecoderLayer``."""
    if not node.folded:
        return node.name
    places = ranges(node.places or range(stored(node)))
    name = "" if node.name == "layers" else f" {node.name.removesuffix('_layers')}"
    return f"({places}): {stored(node):,} x {type(node.module).__name__}{name}"


def ranges(places: Sequence[int]) -> str:
    """Positions in short: ``0-2``, ``0-24 by 2``, ``0,7,14-16``; long irregular lists are cut."""
    if len(places) > 2:
        step = places[1] - places[0]
        if all(b - a == step for a, b in itertools.pairwise(places)):
            return f"{places[0]}-{places[-1]}" + (f" by {step}" if step > 1 else "")
    parts: list[list[int]] = []
    for place in places:
        if parts and place == parts[-1][-1] + 1:
            parts[-1].append(place)
        else:
            parts.append([place])
    texts = [f"{part[0]}-{part[-1]}" if len(part) > 1 else str(part[0]) for part in parts]
    return ",".join(texts) if len(texts) <= 4 else ",".join([*texts[:3], "…", texts[-1]])
