"""Logical axes of tensors, and which of them a plan may divide."""

from __future__ import annotations

from dataclasses import dataclass

from weighbridge.arithmetic import Count, total
from weighbridge.records import unchanged_value


@unchanged_value
class Axis:
    """A logical axis: what a plan may later divide.

    Attributes:
        name: batch, sequence, hidden, heads, ffn, vocabulary, experts ...
        units: the indivisible pieces along it (attention heads, columns).
        width: elements per piece (the head dimension; 1 for plain columns).
        choices: of tokens that go to each rank at most once: how many experts there are, and how many a token goes to.
    """

    name: str
    units: Count
    width: Count = 1
    choices: tuple[Count, Count] | None = None

    def __post_init__(self) -> None:
        if type(self.units) is float or type(self.width) is float:
            raise TypeError(f"axis {self.name}: sizes are whole numbers; divide with exact_div or ceil_div, not '/'")

    @property
    def size(self) -> Count:
        """Elements along the axis."""
        return self.units if type(self.width) is int and self.width == 1 else self.units * self.width


TENSOR_PARALLEL = frozenset({"heads", "kv_heads", "ffn", "expert_ffn", "vocab", "vocabulary", "groups", "joint"})
"""Axes that tensor parallelism divides."""

SEQUENCE, STREAM = "sequence", "stream"
"""The axis of positions: between projections that tensor parallelism divides, and on the residual stream, where
sequence parallelism divides it too."""

WHERE_SPLIT = "where split"
"""An axis of what only is where tensor parallelism splits anything: of no length otherwise."""


def splits(axis: Dimension) -> bool:
    """Whether tensor parallelism divides a dimension."""
    return (axis.name if isinstance(axis, Axis) else axis.parts[0].name) in TENSOR_PARALLEL


def renamed(axes: tuple[Dimension, ...], name: str) -> tuple[Dimension, ...]:
    """Axes with that of positions under another name."""
    return tuple(Axis(name, a.units) if a.name in (SEQUENCE, STREAM) and isinstance(a, Axis) else a for a in axes)


@dataclass(frozen=True, slots=True)
class Joined:
    """Axes laid end to end in one dimension, as a fused projection makes them (q, k and v; gate and up)."""

    parts: tuple[Axis, ...]

    @property
    def name(self) -> str:
        """The names of the parts."""
        return "+".join(part.name for part in self.parts)

    @property
    def size(self) -> Count:
        """Elements along all parts."""
        return total(part.size for part in self.parts)


Dimension = Axis | Joined
