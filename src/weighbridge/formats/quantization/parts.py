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


def linear_or_head(site: Site) -> bool:
    """A projection or the head, which is one to ``transformers``."""
    return site.sort in ("linear", "head")


def but(skipped: Names, takes: Takes = linear) -> Takes:
    """What a rule takes, without what a list names."""
    return lambda site: takes(site) and not skipped.takes(site)


def skipping(section: Section, field: str, packing: Packing, head: bool = False) -> tuple[tuple[Rule, ...], Names]:
    """The rule of ``transformers``: every projection but those of a list; the head too, if there is a list and it names
    no head (quantizers/base.py, get_modules_to_not_convert), unless ``head`` leaves it in any case.
    """
    entries = section.names(field)
    names = Names(f"{section.where}.{field}", entries or [], TRANSFORMERS)
    takes = linear if entries is None or head else linear_or_head
    return (Rule(but(names, takes), packing),), names
