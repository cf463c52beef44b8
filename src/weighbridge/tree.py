"""The folded tree of a model: one node per module, equal modules folded into one node and a count."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any

from weighbridge.arithmetic import Count, total
from weighbridge.traced import Label, named


class Kind(StrEnum):
    """What a module is for; the order is the order of every table and legend."""

    EMBEDDING = "embedding"
    ATTENTION = "attention"
    LINEAR_ATTENTION = "linear attention"
    STATE_SPACE = "state space"
    MLP = "mlp"
    EXPERTS = "experts"
    ROUTER = "router"
    NORM = "norm"
    HEAD = "head"
    VISION = "vision"
    OTHER = "other"


@dataclass(frozen=True, eq=False)
class Node:
    """One module in its place.

    Attributes:
        name: the attribute that holds it in its parent.
        module: the module itself.
        kind: what its own weights are for; inherited from the nearest ancestor that says.
        weights: its own weights by name, without those of its children.
        path: ids of the modules that run between the parent's operations and its own; the tape's scopes end in them.
        times: how many copies of it exist, side by side, in the parent.
        active: how many of those copies one token meets.
        passes: how often a forward pass of the parent runs it (layers: every copy; experts: once, for all of them).
        places: the positions of the copies, if they are numbered.
        apart: counted apart from the model's total (multi-token prediction).
        composite: it has children; explanations fold it under its name.
        folded: it stands for equal copies, even if there is only one.
        together: its copies work side by side on the tokens that each was given (experts).
    """

    name: str
    module: Any
    kind: Kind
    weights: dict[str, Any]
    children: tuple[Node, ...]
    path: tuple[int, ...] = ()
    times: Count = 1
    active: Count = 1
    passes: Count = 1
    places: tuple[int, ...] | None = None
    apart: bool = False
    composite: bool = True
    folded: bool = False
    together: bool = False

    def walk(self) -> Iterator[Node]:
        """This node and all below it, in model order."""
        return iter(self._all)

    @cached_property
    def _all(self) -> tuple[Node, ...]:
        return (self, *(node for child in self.children for node in child.walk()))

    def each(
        self, copies: Callable[[Node], Count], include: Callable[[Node], bool], times: Count = 1
    ) -> Iterator[tuple[Node, Count]]:
        """This node and all below it that are included, with how often each stands in the whole."""
        yield self, times
        for child in self.children:
            if include(child):
                yield from child.each(copies, include, times * copies(child))

    def sum(
        self,
        own: Callable[[Node], Count],
        copies: Callable[[Node], Count],
        unit: str = "",
        include: Callable[[Node], bool] | None = None,
        above: tuple[Node, ...] = (),
    ) -> Count:
        """Own quantity plus the children's, each child as many times as ``copies`` says; named after the node."""
        terms = [own(self)]
        for child in self.children:
            if (include or counted)(child):
                below = child.sum(own, copies, unit, include, (*above, self))
                if type(below) is not int or below != 0:
                    terms.append(copies(child) * below)
        if len(terms) > 1 and type(terms[0]) is int and terms[0] == 0:
            terms = terms[1:]
        result = total(terms)
        if type(result) is int:  # nothing to name; most sums are of plain numbers
            return result
        names: frozenset[str] = frozenset()
        for node in above:
            names |= {node.label(unit, copies(node), names).symbol}
        return named(result, self.label(unit, copies(self), names))

    def part(self, name: str, value: Count) -> Count:
        """A share of this node's own quantity, under a name where the node has children to tell it from."""
        if type(value) is int or not self.composite:
            return value
        return named(value, Label(name.replace(" ", "_"), primitive=True))

    def label(self, unit: str, copies: Count, above: frozenset[str] = frozenset()) -> Label:
        """What the quantity of one copy of this node is called in explanations: not as what it is a part of."""
        several = type(copies) is not int or copies != 1
        plural = several and self.name.endswith(("layers", "experts"))
        one = self.name.removesuffix("s") if plural else self.name
        while one in above:
            one = f"inner_{one}"
        return Label(one, unit, note=self.module.note, source=self.module.source, primitive=not self.composite)


def paths(node: Node, above: tuple[int, ...] = (), name: str = "") -> Iterator[tuple[tuple[int, ...], str, Node]]:
    """Every node with the ids of the modules that run when its own operations do, and the names on the way to it."""
    path = (*above, *node.path)
    yield path, name, node
    for child in node.children:
        yield from paths(child, path, f"{name}.{child.name}" if name else child.name)


def placed(node: Node, name: str = "", times: Count = 1) -> Iterator[tuple[str, Node, Count]]:
    """Every node with the names on the way to it, and how many copies of it exist in the whole."""
    yield name, node, times
    for child in node.children:
        yield from placed(child, f"{name}.{child.name}" if name else child.name, times * child.times)


def counted(node: Node) -> bool:
    """Whether a node counts towards the total of what holds it."""
    return not node.apart


def every(node: Node) -> bool:
    """Every node, also those that are counted apart."""
    return True


def layer_count(root: Node) -> Count:
    """Layers of a model: the copies that its own runs of equal layers stand for, multi-token prediction apart."""
    return total(node.times for node in root.children if node.folded and not node.apart)


def stored(node: Node) -> Count:
    """Copies of a node that exist in its parent."""
    return node.times


def met(node: Node) -> Count:
    """Copies of a node that one token meets."""
    return node.active


def run(node: Node) -> Count:
    """How often one forward pass of the parent runs a node."""
    return node.passes
