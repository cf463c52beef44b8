"""Tensors and rules that several formats share."""

from __future__ import annotations

from weighbridge.formats.quantization.fields import Section
from weighbridge.formats.quantization.listed import TRANSFORMERS, Names
from weighbridge.models.storage import Packing, Part, Piece, Rule, Site, Takes

FP8_VALUES = Piece("weight", Part.VALUES, 8)
FP4_VALUES = Piece("weight", Part.VALUES, 4, word=8)


def scales(name: str, bits: int, rows: int, columns: int) -> Piece:
    """One scale of so many bits per block of rows and columns; 0 for all of them."""
    return Piece(name, Part.SCALES, bits, rows, columns)


def scalar(name: str, bits: int = 32) -> Piece:
    """One scale per tensor."""
    return scales(name, bits, 0, 0)


def block_name(rows: int, columns: int) -> str:
    """A block in words: 128 x 128, or as elements in a row."""
    return f"blocks of {columns:,}" if rows == 1 else f"blocks of {rows:,} x {columns:,}"


def linear(site: Site) -> bool:
    """A projection: no head, embedding, router or norm."""
    return site.sort == "linear"


def projection(site: Site) -> bool:
    """A projection of either class that ``transformers`` has."""
    return site.sort in ("linear", "conv1d")


def but(skipped: Names, takes: Takes = linear) -> Takes:
    """What a rule takes, without what a list names."""
    return lambda site: takes(site) and not skipped.takes(site)


def skipping(
    section: Section, field: str, packing: Packing, takes: Takes = linear, head: bool = True
) -> tuple[tuple[Rule, ...], Names]:
    """The rule of ``transformers``: every projection but those of a list; the head too, if there is a list that does
    not name it (quantizers/base.py, get_modules_to_not_convert) and the format takes heads at all.
    """
    entries = section.names(field)
    names = Names(f"{section.where}.{field}", entries or [], TRANSFORMERS)
    heads = head and entries is not None
    return (Rule(but(names, lambda site: takes(site) or (heads and site.sort == "head")), packing),), names
