"""How a quantised checkpoint stores its weights: which tensors stand for each, of how many bytes, and which are left.

A :class:`Packing` is a list of the tensors that stand for one weight of a module: its values, scales, zero points and
tables. A :class:`Storage` says by rules which weights have which packing; all others are stored in the checkpoint's
data type. The formats that write such checkpoints are read in :mod:`weighbridge.formats.quantization`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from weighbridge.arithmetic import Count, ceil_div, total
from weighbridge.units import DataType


class Part(StrEnum):
    """What a stored tensor holds."""

    VALUES = "values"
    SCALES = "scales"
    OTHER = "other"
    """Zero points, indices, lookup tables and shapes."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A tensor that stands for a matrix of (rows, columns), rows being outputs as PyTorch's ``nn.Linear`` has them.

    Attributes:
        name: what the format calls it.
        part: what it holds.
        bits: of one element.
        rows: rows of the matrix that share an element; 0 for all of them.
        columns: columns of the matrix that share an element; 0 for all of them.
        times: elements at each such place.
        word: bits of the words that elements are packed into; 8 packs the tensor as a whole.
        along: the direction in which words are filled, where they are wider than a byte: "columns" or "rows".
        flat: the matrix is laid out as one row first, so that blocks run over the ends of rows.
    """

    name: str
    part: Part
    bits: int
    rows: int = 1
    columns: int = 1
    times: int = 1
    word: int = 8
    along: str = "columns"
    flat: bool = False

    def bytes(self, rows: Count, columns: Count) -> Count:
        """Bytes of the tensor; rounded up to whole words once per line of words, or once per tensor."""
        if self.flat:
            rows, columns = 1, rows * columns
        down = ceil_div(rows, self.rows) if self.rows else 1
        across = ceil_div(columns, self.columns) if self.columns else 1
        if self.word == 8:
            return ceil_div(down * across * self.times * self.bits, 8)
        lines, length = (down, across) if self.along == "columns" else (across, down)
        return lines * ceil_div(length * self.bits, self.word) * (self.word // 8)


@dataclass(frozen=True, slots=True)
class Packing:
    """The tensors that stand for one weight.

    Attributes:
        name: the format in a few words, as tables show it.
        pieces: one for each tensor.
        quantised: it is more than a data type.
    """

    name: str
    pieces: tuple[Piece, ...]
    quantised: bool = True

    def bytes(self, part: Part, rows: Count, columns: Count) -> Count:
        """Bytes of the tensors of a matrix that hold such a part."""
        return total(piece.bytes(rows, columns) for piece in self.pieces if piece.part is part)


@dataclass(frozen=True, slots=True)
class Site:
    """Where a weight stands, in the words of checkpoints.

    Attributes:
        names: what its module may be called in a checkpoint, without what stands before ``layers``.
        sort: what its module is: "linear", "conv1d" (GPT-2's projections in ``transformers``), "head", "embedding",
            "router" or "other".
        routed: it is one of the experts that a router chooses among.
    """

    names: tuple[str, ...]
    sort: str
    routed: bool = False


Takes = Callable[[Site], bool]
"""Whether a rule is about the weight at a site."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Weights of one packing.

    Attributes:
        takes: whether a weight is one of them.
        packing: how they are stored; ``None`` for the checkpoint's data type.
    """

    takes: Takes
    packing: Packing | None


@dataclass(frozen=True, slots=True)
class Listed:
    """Module names that a configuration lists.

    Attributes:
        field: the field that lists them.
        unmet: which of them are no module at all, given every name that there is.
    """

    field: str
    unmet: Callable[[list[tuple[str, ...]]], list[str]]


@dataclass(frozen=True)
class Storage:
    """How a checkpoint stores its weights.

    Attributes:
        method: the format's name, as configurations write it.
        title: the format in words.
        rules: which weights are packed how; the first that takes a weight counts, and none leaves it as it is.
        by_layer: rules name single layers.
        by_expert: rules name single experts.
        listed: lists of names, to be compared with the names that there are.
        beside: tensors that the format adds to modules of a name, such as scales of the key-value cache.
        notes: what the reader should know of how the format was read.
        rest: data type of what no rule takes; ``None`` for the checkpoint's.
    """

    method: str
    title: str
    rules: tuple[Rule, ...]
    by_layer: bool = False
    by_expert: bool = False
    listed: tuple[Listed, ...] = ()
    beside: dict[str, Piece] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    rest: DataType | None = None

    def packing(self, site: Site) -> Packing | None:
        """How the weight at a site is stored; ``None`` for the checkpoint's data type."""
        return next((rule.packing for rule in self.rules if rule.takes(site)), None)
