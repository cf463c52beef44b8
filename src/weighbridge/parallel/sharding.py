"""What a rank holds of an axis: the divisors of a plan, by the logical name of the axis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from weighbridge.arithmetic import Count, ceil_div, minimum, product, scale, total
from weighbridge.tape import SEQUENCE, STREAM, TENSOR_PARALLEL, WHERE_SPLIT, Axis, Dimension, Tensor, Weight
from weighbridge.traced import plain


@dataclass(frozen=True)
class Sharding:
    """Divisors of logical axes.

    Attributes:
        tensor: ranks that share heads, intermediate sizes and the vocabulary.
        context: ranks that share a sequence.
        expert: ranks that share the experts of a layer.
        expert_tensor: ranks that share the inside of an expert.
        sequence_parallel: the residual stream's positions are divided by ``tensor`` too.
        padded_vocabulary: each rank's share of the vocabulary is a multiple of this.
        imbalance: the fullest rank's share of routed tokens over the mean.
    """

    tensor: Count = 1
    context: Count = 1
    expert: Count = 1
    expert_tensor: Count = 1
    sequence_parallel: bool = False
    padded_vocabulary: int = 1
    imbalance: float = 1.0
    divisors: Mapping[str, Count] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        stream = self.context * self.tensor if self.sequence_parallel else self.context
        divisors = dict.fromkeys(TENSOR_PARALLEL, self.tensor)
        divisors |= {"expert_ffn": self.expert_tensor, SEQUENCE: self.context, STREAM: stream, "permuted": stream}
        divisors |= {
            "routed": stream,
            "gathered": stream,
            "dispatched": stream,
            "sent once": stream,
            "own experts": self.expert,
        }
        object.__setattr__(self, "divisors", divisors | {WHERE_SPLIT: 1})

    def local(self, axis: Dimension) -> Count:
        """A rank's elements along a dimension; the fullest rank's where they do not divide."""
        if not isinstance(axis, Axis):
            return total(self.local(part) for part in axis.parts)
        units = self.units(axis)
        return units if type(axis.width) is int and axis.width == 1 else units * axis.width

    def units(self, axis: Axis) -> Count:
        """A rank's indivisible pieces along an axis."""
        divisor = self.divisors.get(axis.name)
        if divisor is None:
            return axis.units
        if axis.name == WHERE_SPLIT:
            return minimum(self.tensor - 1, 1)
        if axis.name in ("vocab", "vocabulary") and self.padded_vocabulary > 1:
            return ceil_div(axis.units, self.padded_vocabulary * divisor) * self.padded_vocabulary
        if axis.name == "gathered":
            return ceil_div(axis.units * self.expert_tensor * self.expert, divisor)
        if axis.name in ("routed", "dispatched", "sent once"):
            copies = 1 if axis.name == "sent once" else self.expert_tensor
            even = ceil_div(axis.units * copies, divisor)
            even = even if axis.choices is None else scale(even, groups_reached(*axis.choices, self.expert))
            return even if self.imbalance == 1 else scale(even, self.imbalance)
        return axis.units if type(divisor) is int and divisor == 1 else ceil_div(axis.units, divisor)

    def count(self, held: Tensor | Weight) -> Count:
        """A rank's elements of a tensor or a weight."""
        if isinstance(held, Weight):
            return product(self.share(axis) for axis in held.axes)
        return product(self.local(axis) for axis in held.axes)

    def share(self, axis: Dimension) -> Count:
        """A rank's elements of a weight along a dimension. Where ranks outnumber key/value heads, they share a head's
        rows, and every rank gathers the heads that it needs (Megatron-Core, transformer/attention.py).
        """
        parts = (axis,) if isinstance(axis, Axis) else axis.parts
        if any(part.name == "kv_heads" for part in parts):
            return ceil_div(axis.size, self.tensor)
        return self.local(axis)

    def bytes(self, tensor: Tensor) -> Count:
        """A rank's bytes of a tensor."""
        return tensor.dtype.bytes(self.count(tensor))


def groups_reached(experts: Count, chosen: Count, groups: Count) -> float:
    """How many of equal groups of experts a token goes to on average, where it chooses experts evenly: as many as there
    are, times one less the chance that all it chooses are in others (drawing without putting back).
    """
    there, apart, parts = plain(experts), 1.0, plain(groups)
    for drawn in range(int(plain(chosen))):
        apart = apart * (there - there / parts - drawn) / (there - drawn)
    return float(parts * (1 - apart))
