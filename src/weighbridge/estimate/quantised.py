"""The bytes of a quantised checkpoint, tensor by tensor: values, scales, and what else stands for a weight."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from weighbridge.errors import shown
from weighbridge.models import Model
from weighbridge.models.sites import Placed, modules, placed
from weighbridge.models.storage import Packing, Part, Storage
from weighbridge.tape import Weight
from weighbridge.tree import Kind
from weighbridge.units import FP32, DataType

SHOWN_NAMES = 3
"""Names of a list that meet no module and that a note shows."""

COUNTS = ("parameters", "values", "scales", "other")
"""What adds up over tensors."""


@dataclass(frozen=True)
class StoredTensors:
    """The tensors of one kind of module that are stored in one way.

    Attributes:
        kind: the kind of module.
        stored_as: how they are stored: a data type, or a packing in words.
        quantised: they are not in the checkpoint's data type.
        parameters: what they stand for; 0 for buffers and for scales of the key-value cache.
        values: bytes of values.
        scales: bytes of scales.
        other: bytes of zero points, indices, tables and shapes.
        apart: they are of multi-token prediction, and in no total.
    """

    kind: Kind
    stored_as: str
    quantised: bool
    parameters: int = 0
    values: int = 0
    scales: int = 0
    other: int = 0
    apart: bool = False

    @property
    def bytes(self) -> int:
        """Bytes of all of them."""
        return self.values + self.scales + self.other


@dataclass(frozen=True)
class Checkpoint:
    """A quantised checkpoint of a model.

    Attributes:
        model: the model.
        storage: how it is stored.
        dtype: data type of what is not quantised.
        router: data type of routers that are not quantised.
    """

    model: Model
    storage: Storage
    dtype: DataType
    router: DataType

    @cached_property
    def every(self) -> tuple[StoredTensors, ...]:
        """All tensors by kind of module and way of storage, those counted apart too, in the order of kinds."""
        rows: dict[tuple[bool, Kind, str], StoredTensors] = {}
        for found in self._each():
            key = (found.apart, found.kind, found.stored_as)
            rows[key] = _sum(rows[key], found) if key in rows else found
        order = list(Kind)
        return tuple(sorted(rows.values(), key=lambda row: (row.apart, order.index(row.kind), not row.quantised)))

    @property
    def tensors(self) -> tuple[StoredTensors, ...]:
        """Tensors by kind of module and way of storage, multi-token prediction apart."""
        return tuple(row for row in self.every if not row.apart)

    @property
    def bytes(self) -> int:
        """Bytes of all tensors, multi-token prediction apart."""
        return sum(row.bytes for row in self.tensors)

    @property
    def scales(self) -> int:
        """Bytes of scales."""
        return sum(row.scales for row in self.tensors)

    @property
    def other(self) -> int:
        """Bytes of zero points, indices, tables and shapes."""
        return sum(row.other for row in self.tensors)

    @property
    def prediction(self) -> int:
        """Bytes of multi-token prediction modules, without the embedding and head that published files repeat there."""
        return sum(row.bytes for row in self.every if row.apart)

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """Which listed names meet no module of this model."""
        names = modules(self.model.tree, self.storage.by_layer, self.storage.by_expert)
        unmet: dict[str, list[str]] = {}
        for listed in self.storage.listed:
            unmet.setdefault(listed.field, []).extend(listed.unmet(names))
        return tuple(_unmet(field, missing) for field, missing in unmet.items() if missing)

    def _each(self) -> Iterator[StoredTensors]:
        """What stands for each weight, copies of it taken together."""
        known: dict[tuple[int, str], StoredTensors] = {}
        projection = getattr(self.model.config, "projection", "Linear")
        for one in placed(self.model.tree, self.storage.by_layer, self.storage.by_expert, projection):
            packing = self.storage.packing(one.site) if one.name == "weight" and len(one.weight.axes) > 1 else None
            key = (id(one.weight), packing.name if packing else "")
            if key not in known:
                known[key] = self._one(one, packing)
            yield _times(known[key], one.copies, one.apart)

    def _one(self, one: Placed, packing: Packing | None) -> StoredTensors:
        """What stands for a weight."""
        weight = one.weight
        extra = self.storage.beside.get(one.node.name) if one.name == "weight" else None
        more = extra.bytes(1, 1) if extra is not None else 0
        if packing is not None:
            found = {part: _packed(packing, part, weight) for part in Part}
            values, scales, other = found[Part.VALUES], found[Part.SCALES] + more, found[Part.OTHER]
            return StoredTensors(one.node.kind, packing.name, packing.quantised, weight.count, values, scales, other)
        dtype = FP32 if weight.buffer else self.router if weight.role == "router" else self.dtype
        count = 0 if weight.buffer else weight.count
        return StoredTensors(one.node.kind, dtype.name, False, count, dtype.bytes(weight.count), more)


def _packed(packing: Packing, part: Part, weight: Weight) -> int:
    """Bytes of the tensors of a weight that hold a part; leading axes are matrices side by side."""
    *leading, rows, columns = (axis.size for axis in weight.axes)
    matrices = 1
    for size in leading:
        matrices *= size
    return matrices * packing.bytes(part, rows, columns)


def _times(one: StoredTensors, copies: int, apart: bool) -> StoredTensors:
    """So many of them."""
    counts = {name: copies * getattr(one, name) for name in COUNTS}
    return replace(one, apart=apart, **counts)


def _sum(a: StoredTensors, b: StoredTensors) -> StoredTensors:
    """Both together."""
    counts = {name: getattr(a, name) + getattr(b, name) for name in COUNTS}
    return replace(a, **counts)


def _unmet(field: str, missing: list[str]) -> str:
    """A note on listed names that are no module here."""
    names = ", ".join(f'"{shown(name)}"' for name in missing[:SHOWN_NAMES])
    more = len(missing) - SHOWN_NAMES
    rest = f" and {more:,} more" if more > 0 else ""
    return f"{field} names {names}{rest}, which no module of this model is called"
