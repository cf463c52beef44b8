"""Weights in files, weighed: exact bytes by tensor, type and kind, and what they are beside the architecture."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from weighbridge.estimate.shown import Shown
from weighbridge.formats.weights.file import StoredTensor, WeightsFile
from weighbridge.formats.weights.matching import Matched, checked, words
from weighbridge.formats.weights.opening import opened
from weighbridge.models import Model
from weighbridge.tree import Kind


@dataclass(frozen=True)
class Held:
    """Tensors of one kind of module and one data type.

    Attributes:
        kind: the kind.
        dtype: the data type.
        tensors: how many.
        elements: of all of them.
        bytes: of all of them.
    """

    kind: Kind
    dtype: str
    tensors: int
    elements: int
    bytes: int


@dataclass(frozen=True)
class Alike:
    """Tensors that differ in the numbers in their names alone.

    Attributes:
        name: with N for numbers that differ.
        first: one of them.
        count: how many there are.
    """

    name: str
    first: StoredTensor
    count: int

    @property
    def bytes(self) -> int:
        """Bytes of all of them."""
        return self.count * self.first.bytes


@dataclass(frozen=True)
class WeightsReport(Shown):
    """Weights in files.

    Attributes:
        file: what the headers say.
        model: what the weights are of; ``None`` where that is not known.
        why: why it is not known.
    """

    file: WeightsFile
    model: Model | None = None
    why: str = ""

    @cached_property
    def matched(self) -> Matched | None:
        """The tensors beside the architecture's; ``None`` where there is none, or its names are not known."""
        return None if self.model is None else checked(self.file, self.model)

    @property
    def parameters(self) -> int | None:
        """What the tensors stand for, quantised ones unpacked; ``None`` where nothing says how they are packed."""
        if self.matched is not None:
            return self.matched.parameters
        packed = any(tensor.dtype.name in PACKED for tensor in self.file.tensors)
        return None if packed else self.file.elements

    def kind(self, tensor: StoredTensor) -> Kind:
        """What a tensor's module is for: as the model says, else by the tensor's name."""
        known = self.matched.kinds if self.matched is not None else {}
        return known.get(tensor.name, tensor.kind)

    @cached_property
    def by_kind(self) -> tuple[Held, ...]:
        """Tensors by kind of module and data type, in the order of kinds, those with most bytes first."""
        found: dict[tuple[Kind, str], list[StoredTensor]] = {}
        for tensor in self.file.tensors:
            found.setdefault((self.kind(tensor), tensor.dtype.name), []).append(tensor)
        rows = [
            Held(kind, dtype, len(several), sum(t.elements for t in several), sum(t.bytes for t in several))
            for (kind, dtype), several in found.items()
        ]
        order = list(Kind)
        return tuple(sorted(rows, key=lambda row: (order.index(row.kind), -row.bytes)))

    @cached_property
    def alike(self) -> tuple[Alike, ...]:
        """Tensors of like names, types and shapes, in the order of the files."""
        found: dict[tuple[object, ...], list[StoredTensor]] = {}
        for tensor in self.file.tensors:
            found.setdefault((folded(tensor.name), tensor.dtype.name, tensor.shape), []).append(tensor)
        return tuple(
            Alike(folded(several[0].name) if len(several) > 1 else several[0].name, several[0], len(several))
            for several in found.values()
        )

    @property
    def bits(self) -> float | None:
        """Bits of the tensors per parameter."""
        return 8 * self.file.bytes / self.parameters if self.parameters else None

    @property
    def notes(self) -> Iterator[str]:
        """What the reader should know."""
        yield from self.file.notes
        if self.why:
            yield f"not compared with an architecture: {self.why}"
        if self.matched is not None:
            yield from words(self.matched)


PACKED = {"uint8", "int8", "int32", "uint32"}
"""Data types that quantised weights are packed into."""


def folded(name: str) -> str:
    """A tensor's name with N for the numbers of layers and experts."""
    return re.sub(r"(?<=\.)\d+(?=\.)", "N", name)


def weights(what: str | Path) -> WeightsReport:
    """Weigh weights by their headers alone, of a known architecture or not.

    Args:
        what: a ``.safetensors`` or ``.gguf`` file, a folder of them, or a Hugging Face id (``org/name``,
            ``org/name:Q4_K_M``), of which headers alone are asked for.

    Raises:
        InputError: for what is no weights, cannot be read or is wrong.
    """
    found = opened(what, headers=True)
    assert found.weights is not None
    return WeightsReport(found.weights, found.model, found.why)
