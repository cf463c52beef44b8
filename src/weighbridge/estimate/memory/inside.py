"""What a rank holds, module by module: its parameters, and what its operations keep for the backward pass."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from weighbridge.estimate.memory.activations import Run, Weighed, in_common
from weighbridge.estimate.memory.stage import Stage
from weighbridge.estimate.memory.states import local
from weighbridge.gradients import storages
from weighbridge.parallel.recompute import Method
from weighbridge.pieces import Piece
from weighbridge.replay import Direction
from weighbridge.tape import Operation, Tensor, Weight
from weighbridge.traced import plain
from weighbridge.tree import Node


@dataclass(frozen=True)
class Kept:
    """What stays for the backward pass of one micro-batch.

    Attributes:
        elements: of all tensors.
        bytes: of all tensors, each in its data type.
    """

    elements: int = 0
    bytes: int = 0

    def __add__(self, other: Kept) -> Kept:
        return Kept(self.elements + other.elements, self.bytes + other.bytes)

    def __mul__(self, times: int) -> Kept:
        return Kept(times * self.elements, times * self.bytes)


@dataclass(frozen=True)
class Inside:
    """One module on a rank.

    Attributes:
        name: the attribute that holds it.
        module: the module.
        parameters: its own, on the rank, of one copy.
        kept: what its own operations keep, by their names, of one copy.
        children: its parts.
        copies: equal ones on the rank.
        places: positions of the copies among the rank's layers; none for what is not numbered.
        together: its copies work side by side (experts): what they keep is counted once for all.
        recomputed: it keeps its input only and runs again in the backward pass.
    """

    name: str
    module: Any
    parameters: int
    kept: Mapping[str, Kept]
    children: tuple[Inside, ...] = ()
    copies: int = 1
    places: tuple[int, ...] = ()
    together: bool = False
    recomputed: bool = False

    @property
    def all_parameters(self) -> int:
        """Those of one copy, children included."""
        return self.parameters + sum(child.copies * child.all_parameters for child in self.children)

    @property
    def all_kept(self) -> Kept:
        """What one copy keeps, children included."""
        found = sum(self.kept.values(), Kept())
        for child in self.children:
            found = found + child.all_kept * (1 if child.together else child.copies)
        return found


def inside(stage: Stage) -> Inside:
    """The modules of a stage, layers folded, with what one micro-batch keeps in all its chunks."""
    tree = stage.training.tree
    builder = _Builder(stage)
    children = tuple(builder.parts())
    parameters, kept = builder.own(tree)
    return Inside(tree.name, tree.module, parameters, kept | builder.shared(), children)


def layers_of(stage: Stage) -> dict[tuple[int, int], tuple[int, ...]]:
    """Which of the model's layers every run of a stage is, by its chunk and its place in the chunk."""
    found: dict[tuple[int, int], tuple[int, ...]] = {}
    for chunk, (place, runs) in enumerate(zip(stage.virtual, stage.runs, strict=True)):
        ahead = _places(stage, place)
        for number, run in enumerate(runs):
            own = ahead.get(id(run.weighed.piece))
            if own is not None:
                layers = run.count * run.weighed.group
                found[chunk, number], ahead[id(run.weighed.piece)] = tuple(own[:layers]), own[layers:]
    return found


def _places(stage: Stage, place: int) -> dict[int, list[int]]:
    """The model's layers of a virtual stage, by the piece that they are."""
    training = stage.training
    kinds = [kind for kind, length in training.parts.runs for _ in range(length)]
    found: dict[int, list[int]] = defaultdict(list)
    for layer in stage.positions(place):
        found[id(training.parts.kinds[kinds[layer]])].append(layer)
    return found


@dataclass
class _Builder:
    """Puts together what a stage has of every module."""

    stage: Stage
    kept: dict[tuple[int, ...], dict[str, Kept]] = field(default_factory=dict)
    borrowed: dict[tuple[int, ...], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        plan = self.stage.training.plan
        foreign = {id(held.weight) for held in self.stage.states.held if held.borrowed}
        for operation in (o for chunk in self.stage.runs for run in chunk for o in run.weighed.piece.operations):
            for weight in operation.reads:
                if isinstance(weight, Weight) and id(weight) in foreign:
                    foreign.remove(id(weight))
                    self.borrowed[operation.path] = int(plain(plan.sharding.count(weight)))

    def parts(self) -> Iterator[Inside]:
        """The root's children that stand on the stage, in model order."""
        stage, parts = self.stage, self.stage.training.parts
        chunks = stage.chunks
        if any(chunk.embedding for chunk in chunks):
            yield from self._single(parts.before, parts.nodes["before"])
        yield from self._layers()
        if any(chunk.loss for chunk in chunks):
            yield from self._single(parts.after, parts.nodes["after"])
        predicted = sum(chunk.prediction for chunk in chunks)
        if predicted and parts.prediction:
            node = parts.nodes["prediction"][0]
            self._attribute(stage.training.weigh(parts.prediction))
            yield self._node(node, self.root, copies=predicted, places=tuple(range(predicted)))

    def _single(self, pieces: tuple[Piece, ...], nodes: list[Node]) -> Iterator[Inside]:
        for piece in pieces:
            self._attribute(self.stage.training.weigh(piece))
        yield from (self._node(node, self.root) for node in nodes)

    def shared(self) -> dict[str, Kept]:
        """What all pieces of a chunk keep in common (tables of positions)."""
        found = {"shared": Kept()}
        for tensor in (tensor for chunk in self.stage.runs for tensor in in_common(chunk)):
            found["shared"] = found["shared"] + self._sized(tensor)
        return found

    def _layers(self) -> Iterator[Inside]:
        """Runs of equal layers, those of several chunks together, numbered as they stand on the rank."""
        local = self._numbers()
        runs: dict[int, list[tuple[Run, tuple[int, ...]]]] = defaultdict(list)
        for (chunk, number), layers in layers_of(self.stage).items():
            run = self.stage.runs[chunk][number]
            runs[id(run.weighed)].append((run, tuple(local[layer] for layer in layers)))
        found = [layer for same in runs.values() for layer in self._equal(same[0][0].weighed, [own for _, own in same])]
        yield from sorted(found, key=lambda layer: layer.places)

    def _equal(self, weighed: Weighed, places: list[tuple[int, ...]]) -> Iterator[Inside]:
        """Equal layers; of those that are recomputed together from one input, the first has what they keep."""
        parts, recompute = self.stage.training.parts, self.stage.training.plan.recompute
        node = parts.nodes[parts.kinds.index(weighed.piece)][0]
        backward = weighed.replay.backward
        again = recompute.method is not Method.NONE and any(m.direction is Direction.AGAIN for m in backward)
        path = (*self.root, *node.path)
        self.kept = {key: value for key, value in self.kept.items() if key[: len(path)] != path}
        first = tuple(sorted(place for own in places for place in own[:: weighed.group]))
        others = tuple(sorted({place for own in places for place in own} - set(first)))
        if others:
            yield self._node(node, self.root, len(others), others, again)
        self._attribute(weighed)
        yield self._node(node, self.root, len(first), first, again)

    def _numbers(self) -> dict[int, int]:
        """Where every one of the model's layers stands among those of the rank."""
        mine = sorted(layer for layers in layers_of(self.stage).values() for layer in layers)
        return {layer: number for number, layer in enumerate(mine)}

    def _attribute(self, weighed: Weighed) -> None:
        """Give every tensor that a piece keeps to the module whose operation keeps it first."""
        operations = weighed.piece.operations
        keepers: dict[int, Operation] = {}
        for operation in operations:
            for key in storages(operation.keeps):
                keepers.setdefault(key, operation)
        for operation in operations:
            for key in storages((*operation.reads, *operation.makes)):
                keepers.setdefault(key, operation)
        for tensor, times in weighed.replay.kept:
            self._give(keepers[id(tensor)], tensor, int(plain(times)))

    def _give(self, operation: Operation, tensor: Tensor, times: int) -> None:
        own = self.kept.setdefault(operation.path, {})
        own[operation.name] = own.get(operation.name, Kept()) + self._sized(tensor) * times

    def _sized(self, tensor: Tensor) -> Kept:
        training = self.stage.training
        return Kept(int(plain(training.plan.sharding.count(tensor))), int(plain(training.size(tensor))))

    @property
    def root(self) -> tuple[int, ...]:
        """The path of the model itself."""
        return self.stage.training.tree.path

    def own(self, node: Node, above: tuple[int, ...] = ()) -> tuple[int, dict[str, Kept]]:
        """A module's own parameters on the rank, and what its own operations keep."""
        sharding, path = self.stage.training.plan.sharding, (*above, *node.path)
        count = sum(int(plain(sharding.count(weight))) for weight in node.weights.values() if not weight.buffer)
        return count + self.borrowed.get(path, 0), self.kept.get(path, {})

    def _node(
        self,
        node: Node,
        above: tuple[int, ...],
        copies: int = 1,
        places: tuple[int, ...] = (),
        recomputed: bool = False,
    ) -> Inside:
        path = (*above, *node.path)
        children = []
        for child in node.children:
            many = int(plain(local(child, self.stage.training.plan)))
            children.append(self._node(child, path, many, tuple(range(many)) if child.folded else ()))
        parameters, kept = self.own(node, above)
        return Inside(
            node.name, node.module, parameters, kept, tuple(children), copies, places, node.together, recomputed
        )
