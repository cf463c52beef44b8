"""What every layer of a quantised model holds, and what one token reads of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import cached_property

from weighbridge.estimate.cache import CacheReport
from weighbridge.estimate.compute import forward_pass
from weighbridge.estimate.inference.local.stored import File, together
from weighbridge.estimate.inference.passes import Forward, forward, prompts, token
from weighbridge.estimate.inference.weights import RankWeights
from weighbridge.estimate.time.shapes import Heads
from weighbridge.models import Model
from weighbridge.models.sites import Placed
from weighbridge.models.storage import Storage
from weighbridge.nn.moe import MixtureOfExperts
from weighbridge.parallel.serving import Serving
from weighbridge.tape import Phase, Weight
from weighbridge.traced import plain
from weighbridge.tree import layer_count
from weighbridge.units import DataType

LAST = "vocabulary"
"""The axis of logits."""

LAYER = re.compile(r"(?:^|\.)layers\.(\d+)\.")


@dataclass
class Held:
    """Weights that stand together: a layer, the embedding, or the head with the last norm.

    Attributes:
        stored: bytes by type.
        read: bytes by type that one token reads.
        routed: bytes by type of routed experts, which are in ``stored`` too.
        met: bytes of them by type that one token reads, which are in ``read`` too.
    """

    stored: dict[str, int] = field(default_factory=dict)
    read: dict[str, float] = field(default_factory=dict)
    routed: dict[str, int] = field(default_factory=dict)
    met: dict[str, float] = field(default_factory=dict)

    def add(self, name: str, size: int, share: float, routed: bool) -> None:
        """Put a weight there, of which a token reads a share."""
        self.stored[name] = self.stored.get(name, 0) + size
        self.read[name] = self.read.get(name, 0.0) + size * share
        if routed:
            self.routed[name] = self.routed.get(name, 0) + size
            self.met[name] = self.met.get(name, 0.0) + size * share

    @property
    def bytes(self) -> int:
        """Of all types."""
        return sum(self.stored.values())

    @property
    def experts(self) -> int:
        """Bytes of routed experts."""
        return sum(self.routed.values())


@dataclass(frozen=True, eq=False)
class Layers:
    """A model in one quantisation.

    Attributes:
        model: the model.
        storage: how its weights are stored.
        serving: how it runs: one sequence.
        dtype: of weights that are not packed.
    """

    model: Model
    storage: Storage | None
    serving: Serving
    dtype: DataType

    @property
    def count(self) -> int:
        """Layers."""
        return int(layer_count(self.model.tree))

    @cached_property
    def _sorted(self) -> tuple[list[Held], Held, Held]:
        """Layers, the embedding, and all else, which stands with the head."""
        layers = [Held() for _ in range(self.count)]
        embedding, rest = Held(), Held()
        storage = None if self.storage is None else replace(self.storage, by_layer=True)
        if storage is None:
            storage = Storage("plain", self.dtype.name, (), by_layer=True)
        weights = RankWeights(self.model, self.serving, storage, self.dtype)
        for one, size in weights.each():
            found = LAYER.search(one.site.names[0])
            inside = found is not None and int(found[1]) < len(layers)
            held = layers[int(found[1])] if found is not None and inside else rest
            held = embedding if one.site.sort == "embedding" else held
            packing = weights.packing(one)
            name = self.dtype.name if packing is None else packing.name
            held.add(name, int(plain(size)), 0.0 if one.site.sort == "embedding" else self._share(one), one.site.routed)
        if self._tied:  # llama.cpp keeps a copy of the embedding beside the last layer (llama-model.cpp, load_tensors)
            for name, size in embedding.stored.items():
                rest.stored[name] = rest.stored.get(name, 0) + size
                rest.read[name] = rest.read.get(name, 0.0) + size
        return layers, embedding, rest

    def _share(self, one: Placed) -> float:
        """Of a weight that one token reads: of routed experts those that it goes to."""
        return self._met if one.site.routed else 1.0

    @cached_property
    def _met(self) -> float:
        found = (node.module for node in self.model.tree.walk() if isinstance(node.module, MixtureOfExperts))
        moe = next(found, None)
        return 1.0 if moe is None else float(plain(moe.met)) / float(plain(moe.num_experts))

    @property
    def layers(self) -> list[Held]:
        """Layer by layer."""
        return self._sorted[0]

    @property
    def embedding(self) -> Held:
        """The embedding."""
        return self._sorted[1]

    @property
    def head(self) -> Held:
        """The head, a copy of the embedding where that is tied to it, and the last norm."""
        return self._sorted[2]

    @property
    def quantised(self) -> bool:
        """Most of its weights are quantised."""
        return any(kind.startswith(("q", "iq", "mxfp")) for layer in self.layers for kind in layer.stored)

    @cached_property
    def file(self) -> File:
        """The weights by type, a tied head once."""
        return together(held.stored for held in (*self.layers, self.head, *(() if self._tied else (self.embedding,))))

    @property
    def bytes(self) -> int:
        """Of the weights, a tied head once."""
        return self.file.bytes

    @cached_property
    def _tied(self) -> bool:
        weights = RankWeights(self.model, self.serving, self.storage, self.dtype)
        return all(one.site.sort != "head" for one, _ in weights.each())

    def after(self, positions: int) -> Forward:
        """A prompt of so many tokens."""
        return forward(self.model, self.serving, prompts(self.serving, 1, positions))

    def step(self, past: int) -> Forward:
        """One token after so many."""
        return forward(self.model, self.serving, token(1, past))

    def cache(self, positions: int) -> int:
        """Bytes of the cache of so many positions, in all layers."""
        stored = self.after(positions).stored
        return sum(int(plain(times)) * int(plain(self.serving.cached(tensor))) for tensor, times in stored)

    def cached(self, positions: int) -> CacheReport:
        """The same with its derivation."""
        work = replace(forward_pass(positions, 1, phase=Phase.PREFILL), dtype=self.serving.compute.name)
        return CacheReport(self.model, work, self.serving.cached)

    @cached_property
    def words(self) -> tuple[int, int]:
        """Entries of the vocabulary, and elements of a token's activations between layers."""
        lookup = next(operation for operation in self.step(1).tape.operations if operation.name == "lookup")
        matrix = next(read for read in lookup.reads if isinstance(read, Weight))
        vocabulary, hidden = (int(plain(axis.size)) for axis in matrix.axes)
        return vocabulary, hidden

    @cached_property
    def widest(self) -> tuple[int, int]:
        """Elements of the largest matrix of the layers, and its longer side."""
        sides = [
            sorted(int(plain(axis.size)) for axis in read.axes)
            for operation in self.step(1).tape.operations
            if operation.name == "matmul"
            for read in operation.reads
            if isinstance(read, Weight) and len(read.axes) == 2 and LAST not in {axis.name for axis in read.axes}
        ]
        return max((short * long, long) for short, long in sides)

    @cached_property
    def heads(self) -> tuple[int, float]:
        """Most query heads of a layer, and how many share a key/value head."""
        run = self.step(1)
        shapes = [Heads(run, operation).shape for operation in run.tape.operations if operation.name == "attention"]
        if not shapes:
            return 0, 1.0
        own, groups = max((int(plain(shape[1])), int(plain(shape[2]))) for shape in shapes)
        return own, own / max(groups, 1)
