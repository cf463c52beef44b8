"""How large a model's file is: parameters by type, each at its bits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from weighbridge.arithmetic import exact_div, total
from weighbridge.estimate.explainable import Explainable
from weighbridge.ggml import TYPES
from weighbridge.traced import Label, identifier, named, plain


@dataclass(frozen=True)
class Stored:
    """Weights of one type.

    Attributes:
        kind: the type.
        number: parameters; bytes of types that have no blocks.
        block_bytes: bytes of a block; ``None`` where a type has none.
        block: parameters of a block.
    """

    kind: str
    number: int
    block_bytes: int | None = None
    block: int = 1

    @property
    def bytes(self) -> int:
        """Of all of them."""
        if self.block_bytes is None:
            return self.number
        whole = self.number * self.block_bytes
        return whole if plain(self.block) == 1 else exact_div(whole, self.block)

    def symbol_of(self, field: str) -> str:
        """What formulas call a field."""
        block = "bytes" if plain(self.block) == 1 else "block_bytes"
        number = "stored" if self.block_bytes is None else "parameters"
        last = {"number": number, "block_bytes": block, "block": "block_parameters"}.get(field, field)
        return f"{identifier(self.kind)}_{last}"


@dataclass(frozen=True)
class File(Explainable):
    """Weights as a file has them: of a model, or of what one device holds.

    Attributes:
        stored: by type.
    """

    figures: ClassVar[tuple[str, ...]] = ("bytes",)

    stored: tuple[Stored, ...]

    @property
    def bytes(self) -> int:
        """Of all types."""
        return named(total(one.bytes for one in self.stored), Label("weights", "bytes", "of every type, at its bits"))


def together(held: Iterable[Mapping[str, int]], less: Iterable[Mapping[str, int]] = ()) -> File:
    """Weights that stand in one place.

    Args:
        held: bytes by type, of each part of them.
        less: the same of what is among those, but stands elsewhere.
    """
    sizes: dict[str, int] = {}
    for sign, parts in ((1, held), (-1, less)):
        for kind, size in (item for part in parts for item in part.items()):
            sizes[kind] = sizes.get(kind, 0) + sign * size
    return File(tuple(_stored(kind, size) for kind, size in sizes.items() if size))


def _stored(kind: str, size: int) -> Stored:
    found = TYPES.get(kind)
    if found is None or size % found.bytes:
        return Stored(kind, size)
    return Stored(kind, size // found.bytes * found.block, found.bytes, found.block)
