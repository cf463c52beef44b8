"""The weights of one rank as they are stored: in one data type, or packed as a checkpoint has them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from weighbridge.arithmetic import Count, product, total
from weighbridge.models import Model
from weighbridge.models.sites import Placed, placed
from weighbridge.models.storage import Packing, Part, Storage
from weighbridge.parallel.serving import Serving
from weighbridge.tape import Weight
from weighbridge.tree import Kind
from weighbridge.units import FP32, DataType


@dataclass(frozen=True, eq=False)
class RankWeights:
    """What one rank of a pipeline stage holds of the model.

    Attributes:
        model: what is served.
        serving: how.
        storage: how its weights are packed; ``None`` for all in one data type.
        dtype: data type of what is not packed.
    """

    model: Model
    serving: Serving
    storage: Storage | None
    dtype: DataType

    @cached_property
    def packings(self) -> dict[int, Packing]:
        """How weights are packed, by their ids; those in a plain data type are not in it."""
        if self.storage is None:
            return {}
        found = ((one.weight, self.packing(one)) for one in self._placed)
        return {id(weight): packing for weight, packing in found if packing is not None}

    @cached_property
    def _placed(self) -> list[Placed]:
        storage = self.storage
        projection = getattr(self.model.config, "projection", "Linear")
        by_layer, by_expert = (storage.by_layer, storage.by_expert) if storage else (False, False)
        return [one for one in placed(self.model.tree, by_layer, by_expert, projection) if not one.apart]

    def packing(self, one: Placed) -> Packing | None:
        """How a weight is packed; ``None`` in a plain data type."""
        if self.storage is None or one.name != "weight" or len(one.weight.axes) < 2:
            return None
        return self.storage.packing(one.site)

    def of(self, one: Placed) -> Count:
        """A rank's bytes of one copy of a weight."""
        weight, packing = one.weight, self.packing(one)
        sharding = self.serving.sharding
        if packing is None:
            dtype = FP32 if weight.buffer else self.dtype
            return dtype.bytes(sharding.count(weight))
        *leading, rows, columns = (sharding.share(axis) for axis in weight.axes)
        return product(leading) * total(packing.bytes(part, rows, columns) for part in Part)

    def each(self) -> Iterator[tuple[Placed, Count]]:
        """Weights with a rank's bytes of all their copies; of experts its own."""
        for one in self._placed:
            copies = one.copies
            if one.site.routed and not self._by_expert:
                copies = copies // self.serving.expert  # problems() has seen that it divides
            yield one, copies * self.of(one)

    @property
    def _by_expert(self) -> bool:
        return self.storage is not None and self.storage.by_expert

    @cached_property
    def by_kind(self) -> dict[Kind, Count]:
        """A rank's bytes by kind of module, of all layers."""
        found: dict[Kind, Count] = {}
        for one, size in self.each():
            found[one.node.kind] = found.get(one.node.kind, 0) + size
        return {kind: found[kind] for kind in Kind if kind in found}

    @cached_property
    def bytes(self) -> Count:
        """A rank's bytes of all layers."""
        return total(self.by_kind.values())


def stored_bits(packing: Packing | None, dtype: DataType, weight: Weight) -> float:
    """Bits that each element of a weight takes on the device, scales included."""
    if packing is None:
        return float(dtype.bits)
    rows, columns = (int(axis.size) for axis in weight.axes[-2:])
    return 8.0 * float(total(packing.bytes(part, rows, columns) for part in Part)) / (rows * columns)
