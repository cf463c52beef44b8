"""The header of a safetensors file: eight bytes of length, then JSON with a type, a shape and two offsets per tensor.

Source: safetensors 0.8, README.md (Format) and safetensors/src/tensor.rs (what a valid header is; MAX_HEADER_SIZE).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NoReturn, TypeGuard

from weighbridge.errors import UnreadableError, given, shown
from weighbridge.formats.weights.file import StoredTensor
from weighbridge.formats.weights.sources import Source
from weighbridge.units import DataType

LONGEST = 32 * 2**20
"""Bytes of a header that are read at most; the largest of published files have some 12 MB, safetensors allows 100."""

FIRST = 2**16
"""Bytes asked for first: the length, and most often the whole header."""

MOST_AXES = 16
"""Axes of a tensor."""

LARGEST = 2**63
"""No size, offset or product of sizes reaches it."""

TYPES = {
    name: DataType(own, bits)
    for name, own, bits in (
        ("BOOL", "bool", 8),
        ("U8", "uint8", 8),
        ("I8", "int8", 8),
        ("F8_E4M3", "fp8", 8),
        ("F8_E5M2", "fp8_e5m2", 8),
        ("F8_E8M0", "e8m0", 8),
        ("F8_E4M3FNUZ", "fp8_e4m3fnuz", 8),
        ("F8_E5M2FNUZ", "fp8_e5m2fnuz", 8),
        ("F4", "fp4", 4),
        ("F6_E2M3", "fp6_e2m3", 6),
        ("F6_E3M2", "fp6_e3m2", 6),
        ("I16", "int16", 16),
        ("U16", "uint16", 16),
        ("F16", "fp16", 16),
        ("BF16", "bf16", 16),
        ("I32", "int32", 32),
        ("U32", "uint32", 32),
        ("F32", "fp32", 32),
        ("I64", "int64", 64),
        ("U64", "uint64", 64),
        ("F64", "fp64", 64),
        ("C64", "complex64", 64),
    )
}
"""Data types by the names that headers have."""


def read_header(source: Source) -> tuple[list[StoredTensor], int]:
    """The tensors of a file in the order of their data, and the bytes of its header.

    Raises:
        UnreadableError: for a file that is cut off, or whose header is too long, no header, or wrong.
    """
    start = source.read(0, min(FIRST, max(source.size, 8)))
    if len(start) < 8:
        _refuse(source, f"has {source.size:,} bytes; a safetensors file has at least 8")
    length = int.from_bytes(start[:8], "little")
    if length > source.size - 8:
        _refuse(source, f"says that its header has {length:,} bytes, and has {source.size:,} itself; {CUT_OFF}")
    if length > LONGEST:
        _refuse(source, f"has a header of {length:,} bytes; read are at most {LONGEST:,}")
    text = start[8 : 8 + length]
    if len(text) < length:
        text += source.read(len(start), 8 + length - len(start))
    if len(text) < length:
        _refuse(source, f"ends inside its header; {CUT_OFF}")
    tensors = list(_tensors(source, _parsed(source, text), source.size - 8 - length))
    return tensors, 8 + length


CUT_OFF = "it is no safetensors file, or was cut off: download it again"


def _parsed(source: Source, text: bytes) -> dict[str, Any]:
    """The object that a header holds; a name that stands there twice is refused."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            _refuse(source, "has a header that names a tensor or a field twice")
        return found

    try:
        data = json.loads(text.decode("utf-8"), object_pairs_hook=unique)
    except UnicodeDecodeError as error:
        _refuse(source, f"has a header that is not UTF-8 (byte {error.start:,})")
    except RecursionError:
        _refuse(source, "has a header that is nested too deeply")
    except UnreadableError:
        raise
    except ValueError as error:
        _refuse(source, f"has a header that is no JSON: {shown(str(error), 80)}")
    if not isinstance(data, dict):
        _refuse(source, f"has a header that holds {given(data)}; it is an object")
    return data


def _tensors(source: Source, header: dict[str, Any], data: int) -> Iterator[StoredTensor]:
    """Tensors in the order of their data, which they fill without gaps; ``data`` is how many bytes there are."""
    entries = sorted(
        (_entry(source, name, value) for name, value in header.items() if name != "__metadata__"),
        key=lambda entry: (entry[0], entry[1]),
    )
    last = 0
    for start, end, tensor in entries:
        if start != last:
            what = "overlaps the one before" if start < last else f"leaves a gap of {start - last:,} bytes before it"
            _refuse(source, f"has a wrong header: the data of {given(tensor.name)} {what}")
        last = end
        yield tensor
    if last != data:
        more = CUT_OFF if last > data else "the rest belongs to no tensor"
        _refuse(source, f"has {data:,} bytes of data; its header describes {last:,}; {more}")


def _entry(source: Source, name: str, value: Any) -> tuple[int, int, StoredTensor]:
    """Where a tensor's data begin and end, and the tensor."""
    if not isinstance(value, dict):
        _refuse(source, f"has a wrong header: {given(name)} is {given(value)}; expected a table")
    called = value.get("dtype")
    dtype = TYPES.get(called) if isinstance(called, str) else None
    if dtype is None:
        _refuse(source, f"has a tensor {given(name)} of data type {given(called)}; known: {', '.join(TYPES)}")
    shape, offsets = value.get("shape"), value.get("data_offsets")
    if not _whole(shape) or len(shape) > MOST_AXES:
        _refuse(source, f"has a wrong header: the shape of {given(name)} is no list of at most {MOST_AXES} sizes")
    if not _whole(offsets) or len(offsets) != 2:
        _refuse(source, f"has a wrong header: data_offsets of {given(name)} are not two whole numbers")
    count = 1
    for size in shape:
        count *= size
    start, end = offsets
    if count >= LARGEST or end - start != dtype.bytes(count):
        wrong = f"has {shown(str(shape))} elements of {dtype.name}, and {given(end - start)} bytes"
        _refuse(source, f"has a wrong header: {given(name)} {wrong}")
    return start, end, StoredTensor(name, dtype, tuple(shape), end - start)


def _whole(value: Any) -> TypeGuard[list[int]]:
    """Whether a value is a list of sizes or offsets."""
    return isinstance(value, list) and all(type(size) is int and 0 <= size < LARGEST for size in value)


def _refuse(source: Source, what: str) -> NoReturn:
    raise UnreadableError(f"{source.name} {what}")
