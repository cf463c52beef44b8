"""The header of a GGUF file: metadata, then a name, sizes, a type and an offset per tensor.

Source: ggml, docs/gguf.md and ggml/src/gguf.cpp (gguf_init_from_file: what is refused).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any, NoReturn

from weighbridge.errors import UnreadableError, given, shown
from weighbridge.formats.weights.file import StoredTensor
from weighbridge.formats.weights.sources import Source
from weighbridge.ggml import ALIGNMENT, NUMBERS
from weighbridge.units import DataType

MAGIC = b"GGUF"

LONGEST = 64 * 2**20
"""Bytes of a header that are read at most; with a large vocabulary in it published files have some 20 MB."""

MOST_TENSORS, MOST_KEYS = 200_000, 10_000
"""Tensors and metadata that a file may have; published ones have some 2,500 and 60."""

LONGEST_NAME = 256
"""Bytes of a name or a key; ggml allows tensors 64."""

MOST_AXES = 4
"""Axes of a tensor (ggml.h, GGML_MAX_DIMS)."""

KEPT = 4096
"""Entries of an array that are kept: one per layer; vocabularies are counted only."""

SIZES = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
"""Numbers of metadata by the numbers of their types, as ``struct`` writes them."""

STRING, ARRAY = 8, 9

CUT_OFF = "it was cut off: download it again"


@dataclass(frozen=True, slots=True)
class Long:
    """An array that was not kept.

    Attributes:
        count: its entries.
    """

    count: int


@dataclass(frozen=True, slots=True)
class GgufHeader:
    """What a header says.

    Attributes:
        metadata: by key.
        tensors: in the order of the header.
        size: bytes of the header, padding before the data included.
    """

    metadata: dict[str, Any]
    tensors: list[StoredTensor]
    size: int


def read_header(source: Source) -> GgufHeader:
    """The header of a file.

    Raises:
        UnreadableError: for a file that is cut off, too large a header, or one that is wrong.
    """
    reader = _Reader(source)
    if reader.take(4) != MAGIC:
        reader.refuse("is no GGUF file: it does not begin with GGUF")
    version = reader.number("I")
    if version & 0xFFFF == 0:
        reader.refuse("is a GGUF file for big-endian machines, which is not read")
    if version not in (2, 3):
        reader.refuse(f"is of GGUF version {version:,}; read are 2 and 3")
    count, keys = reader.number("Q"), reader.number("Q")
    if count > MOST_TENSORS or keys > MOST_KEYS:
        most = f"at most {MOST_TENSORS:,} and {MOST_KEYS:,} are read"
        reader.refuse(f"says that it has {count:,} tensors and {keys:,} metadata; {most}")
    metadata: dict[str, Any] = {}
    for _ in range(keys):
        key = reader.name()
        if key in metadata:
            reader.refuse(f"has the metadata {given(key)} twice")
        metadata[key] = reader.value(reader.number("I"))
    placed = [_tensor(reader) for _ in range(count)]
    size = _check(reader, metadata, placed)
    return GgufHeader(metadata, [tensor for tensor, _ in placed], size)


def _tensor(reader: _Reader) -> tuple[StoredTensor, int]:
    """A tensor and where its data begin after the header."""
    name = reader.name()
    axes = reader.number("I")
    if axes > MOST_AXES:
        reader.refuse(f"has a tensor {given(name)} of {axes:,} axes; allowed are {MOST_AXES}")
    sizes = [reader.number("Q") for _ in range(axes)]
    number, offset = reader.number("I"), reader.number("Q")
    kind = NUMBERS.get(number)
    if kind is None:
        reader.refuse(f"has a tensor {given(name)} of type {number:,}, which is not known here")
    elements = 1
    for size in sizes:
        elements *= size
    if elements >= 2**63:
        reader.refuse(f"has a tensor {given(name)} of {given(elements)} elements, which no file has")
    if sizes and sizes[0] % kind.block:
        reader.refuse(f"has a tensor {given(name)} whose rows of {sizes[0]:,} are no whole blocks of {kind.block}")
    dtype = DataType(kind.name, kind.bits, kind.block if kind.quantised else 0, kind.rest)
    return StoredTensor(name, dtype, tuple(reversed(sizes)), elements // kind.block * kind.bytes), offset


def _check(reader: _Reader, metadata: dict[str, Any], placed: list[tuple[StoredTensor, int]]) -> int:
    """Bytes of the header with its padding, once the places of tensors were found right."""
    if len({tensor.name for tensor, _ in placed}) < len(placed):
        reader.refuse("names a tensor twice")
    alignment = metadata.get("general.alignment", ALIGNMENT)
    if type(alignment) is not int or not 0 < alignment <= 2**20 or alignment & (alignment - 1):
        reader.refuse(f"has general.alignment = {given(alignment)}; allowed is a power of two")
    header = -(-reader.place // alignment) * alignment if placed else reader.place
    last = 0
    for tensor, offset in sorted(placed, key=lambda one: one[1]):
        if offset < last:
            reader.refuse(f"has a wrong header: the data of {given(tensor.name)} overlap those before")
        if offset % alignment:
            reader.refuse(f"has a wrong header: the data of {given(tensor.name)} begin at no multiple of {alignment}")
        last = offset + tensor.bytes
    if header + last > reader.source.size:
        reader.refuse(f"has {reader.source.size:,} bytes; its header describes {header + last:,}; {CUT_OFF}")
    return header


class _Reader:
    """A header read from its start on.

    Attributes:
        source: the file.
        place: bytes read so far.
    """

    def __init__(self, source: Source) -> None:
        self.source, self.place = source, 0
        self._from, self._held = 0, b""

    def refuse(self, what: str) -> NoReturn:
        """Refuse the file."""
        raise UnreadableError(f"{self.source.name} {what}")

    def take(self, count: int) -> bytes:
        """The next bytes; a step of the source at a time is asked for.

        Raises:
            UnreadableError: where the file ends before, or the header is too long.
        """
        if self.place + count > self.source.size:
            self.refuse(f"ends inside its header; {CUT_OFF}")
        if self.place + count > LONGEST:
            self.refuse(f"has a header of more than {LONGEST:,} bytes, which is not read")
        start = self.place - self._from
        if start + count > len(self._held):
            self._held = self._held[start:]
            self._from, start = self.place, 0
            missing = max(count - len(self._held), self.source.step)
            self._held += self.source.read(self.place + len(self._held), missing)
            if len(self._held) < count:  # of a file of which only the beginning is there, this says so
                self._held += self.source.read(self.place + len(self._held), count - len(self._held))
            if len(self._held) < count:
                self.refuse(f"ends inside its header; {CUT_OFF}")
        self.place += count
        return self._held[start : start + count]

    def number(self, form: str) -> Any:
        """The next number."""
        return struct.unpack("<" + form, self.take(struct.calcsize("<" + form)))[0]

    def text(self, longest: int = LONGEST) -> str:
        """The next string."""
        length = self.number("Q")
        if length > longest:
            self.refuse(f"has a name or a text of {length:,} bytes; allowed are {longest:,}")
        try:
            return self.take(length).decode("utf-8")
        except UnicodeDecodeError:
            if longest == LONGEST_NAME:
                self.refuse("has a name that is not UTF-8")
            return ""  # tokens of a vocabulary may be pieces of characters

    def name(self) -> str:
        """The next name of a tensor or a key."""
        return self.text(LONGEST_NAME)

    def value(self, kind: int, nested: bool = False) -> Any:
        """The next value of metadata."""
        if kind in SIZES:
            return self.number(SIZES[kind])
        if kind == STRING:
            return self.text()
        if kind != ARRAY or nested:
            self.refuse(f"has metadata of type {kind:,}{' in an array' if nested else ''}, which is not known here")
        inner, count = self.number("I"), self.number("Q")
        if count > LONGEST:
            self.refuse(f"has metadata of {count:,} entries, more than a header holds")
        if count > KEPT and inner in SIZES:
            self.take(count * struct.calcsize("<" + SIZES[inner]))
            return Long(count)
        if count > KEPT:
            return self._skipped(inner, count)
        return [self.value(inner, nested=True) for _ in range(count)]

    def _skipped(self, inner: int, count: int) -> Long:
        """An array of strings, read over."""
        for _ in range(count):
            self.value(inner, nested=True)
        return Long(count)


def words(value: object) -> str:
    """A value of metadata as reports show it."""
    return f"{value.count:,} entries" if isinstance(value, Long) else shown(value)
