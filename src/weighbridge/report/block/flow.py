"""What runs inside a module, and what reads of what: the graph of its parts, read off the tape of a forward pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from weighbridge.tape import Operation, Tape, Tensor
from weighbridge.tree import Kind, Node

SUMS = {"add", "residual"}
"""Operations that add up all that they read; of what others read, only what came last counts."""

SIGNS = {"add": "+", "residual": "+", "multiply": "×", "gate": "×", "subtract": "−"}
"""How the meeting of several values is drawn; others by their operation's name."""


class Place(StrEnum):
    """What a vertex is."""

    INPUT = "input"
    PART = "part"
    JOIN = "join"
    OUTPUT = "output"


@dataclass(eq=False)
class Vertex:
    """One thing in a picture of what runs.

    Attributes:
        place: what it is.
        label: of an input its tensor's name, of a join its sign or operation.
        node: the part that runs, if it is one.
        again: the part ran before, and goes on here.
        reads: what it reads of, in order, each once.
    """

    place: Place
    label: str = ""
    node: Node | None = None
    again: bool = False
    reads: list[Vertex] = field(default_factory=list)

    def above(self) -> set[Vertex]:
        """Everything that it needs, itself left out."""
        found: set[Vertex] = set()
        waiting = list(self.reads)
        while waiting:
            vertex = waiting.pop()
            if vertex not in found:
                found.add(vertex)
                waiting.extend(vertex.reads)
        return found


def flow(node: Node, path: tuple[int, ...], tape: Tape) -> list[Vertex]:
    """The parts of a module in the order in which they run, between its inputs and its output.

    Args:
        node: the module in its place.
        path: ids of the modules that run when its own operations do, its own included.
        tape: a forward pass of the whole model. Where it did not run the module, its parts stand one after another.
    """
    own = [operation for operation in tape.operations if operation.path[: len(path)] == path]
    return _Reader(node, path, tape).read(own) if own else _in_a_row(node)


def _in_a_row(node: Node) -> list[Vertex]:
    """Parts one after another, in model order."""
    chain = [Vertex(Place.INPUT)]
    for child in node.children:
        chain.append(Vertex(Place.PART, node=child, reads=[chain[-1]]))
    return [*chain, Vertex(Place.OUTPUT, reads=[chain[-1]])]


class _Reader:
    """Follows tensors from part to part."""

    def __init__(self, node: Node, path: tuple[int, ...], tape: Tape) -> None:
        self.path, self.shared = path, {id(table) for table in tape.tables.values()}
        self.starts = {child.path: child for child in node.children}
        self.made: dict[int, tuple[Vertex, ...]] = {}
        self.vertices: list[Vertex] = []
        self.current: Vertex | None = None

    def read(self, operations: Sequence[Operation]) -> list[Vertex]:
        """The graph of these operations."""
        last: tuple[Vertex, ...] = ()
        for operation in operations:
            if not operation.makes:
                continue
            sources = self.sources(operation)
            child = self.child(operation)
            last = self.visited(child, sources) if child else self.own(operation, sources)
            self.made |= {id(made): last for made in operation.makes}
        self.vertices.append(Vertex(Place.OUTPUT, reads=list(last)))
        return self.needed()

    def needed(self) -> list[Vertex]:
        """Vertices that lead to the output, sums of sums drawn as one, and parts whose result nobody reads."""
        for vertex in list(self.vertices):
            readers = [other for other in self.vertices if vertex in other.reads]
            summed = vertex.place is Place.JOIN and vertex.label == "+" and len(readers) == 1
            if summed and (readers[0].place, readers[0].label) == (Place.JOIN, "+"):
                place = readers[0].reads.index(vertex)
                readers[0].reads[place : place + 1] = vertex.reads
                self.vertices.remove(vertex)
        wanted = self.vertices[-1].above() | {v for v in self.vertices if v.place in (Place.PART, Place.OUTPUT)}
        wanted |= {need for v in list(wanted) for need in v.above()}
        return [vertex for vertex in self.vertices if vertex in wanted]

    def child(self, operation: Operation) -> Node | None:
        """The part that ran an operation; ``None`` for the module itself."""
        rest = operation.path[len(self.path) :]
        return next((node for start, node in self.starts.items() if rest[: len(start)] == start), None)

    def sources(self, operation: Operation) -> list[Vertex]:
        """What an operation reads of."""
        found: list[Vertex] = []
        for read in operation.reads:
            if isinstance(read, Tensor):
                found.extend(vertex for vertex in self.source(read) if vertex not in found)
        return found

    def source(self, tensor: Tensor) -> tuple[Vertex, ...]:
        """Where a tensor came from: of what stands outside, an input; of what all layers share, nothing."""
        looked: Tensor | None = tensor
        while looked is not None:
            if id(looked) in self.made:
                return self.made[id(looked)]
            if id(looked) in self.shared:
                return ()
            last, looked = looked, looked.base
        vertex = Vertex(Place.INPUT, last.name)
        self.vertices.append(vertex)
        self.made[id(last)] = (vertex,)
        return (vertex,)

    def visited(self, child: Node, sources: list[Vertex]) -> tuple[Vertex, ...]:
        """The vertex of a part, a new one where something else ran since."""
        if self.current is None or self.current.node is not child:
            again = any(vertex.node is child for vertex in self.vertices)
            self.current = Vertex(Place.PART, node=child, again=again)
            self.vertices.append(self.current)
        vertex = self.current
        vertex.reads.extend(s for s in sources if s.node is not child and s not in vertex.reads)
        return (vertex,)

    def own(self, operation: Operation, sources: list[Vertex]) -> tuple[Vertex, ...]:
        """What the module's own operation reads, or the join where it brings several things together."""
        self.current = None
        if operation.name not in SUMS:
            sources = latest(sources)
        if len(sources) < 2:
            return tuple(sources)
        join = Vertex(Place.JOIN, SIGNS.get(operation.name, operation.name), reads=sources)
        self.vertices.append(join)
        return (join,)


def latest(sources: list[Vertex]) -> list[Vertex]:
    """Sources without those that others among them were made from."""
    before = {vertex for source in sources for vertex in source.above()}
    return [source for source in sources if source not in before]


def spine(vertices: list[Vertex]) -> list[Vertex]:
    """The line that a picture is drawn along, from an input to the output. Where something is added to what it was made
    from, that is the residual stream: the way through the fewest parts, norms and what goes on after a branch left out
    of the count. Elsewhere it is the way through the most.
    """
    residual = any(len(latest(vertex.reads)) < len(vertex.reads) for vertex in vertices)
    best: dict[Vertex, tuple[int, list[Vertex]]] = {}
    for vertex in vertices:
        own = _weight(vertex) if residual else 1
        ways = [best[read] for read in vertex.reads]
        before = (min if residual else max)(ways, key=lambda way: way[0], default=(0, []))
        best[vertex] = (before[0] + own, [*before[1], vertex])
    return best[vertices[-1]][1]


def _weight(vertex: Vertex) -> int:
    """How much a vertex speaks against being on the residual stream."""
    if vertex.node is None:
        return 0
    return 1 if vertex.again or vertex.node.kind is Kind.NORM else 1000


def opens(node: Node) -> bool:
    """Whether a picture shows what runs inside: repeated modules, or branches of a layer."""
    return any(child.folded or getattr(child.module, "branch", "") or opens(child) for child in node.children)
