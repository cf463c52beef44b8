"""bitsandbytes: 8 bits with a scale per row, or 4 bits in blocks whose scales may be quantised once more.

Sources: bitsandbytes, functional.py (quantize_4bit, QuantState.as_dict: absmax, quant_map, and where scales are
quantised too nested_absmax per 256 and nested_quant_map) and nn/modules.py (Linear8bitLt and Linear4bit,
_save_to_state_dict: SCB, weight_format); transformers, integrations/bitsandbytes.py (replace_with_bnb_linear).
"""

from __future__ import annotations

from weighbridge.formats.quantization.fields import Section
from weighbridge.formats.quantization.parts import projection, scales, skipping
from weighbridge.models.storage import Packing, Part, Piece, Storage

BLOCK, NESTED = 64, 256
"""Elements that share a scale, and scales that share one of their own."""

STATE = (
    "bitsandbytes: each 4-bit weight's quant_state, a text of some 80 to 170 bytes whose length depends on its shape "
    "and offset, is not counted"
)


def bitsandbytes(section: Section) -> Storage:
    """The section ``quant_method: bitsandbytes``."""
    eight = section.flag("load_in_8bit") or section.flag("_load_in_8bit")
    four = section.flag("load_in_4bit") or section.flag("_load_in_4bit")
    if eight == four:
        raise section.wrong("load_in_4bit", "true for one of load_in_4bit and load_in_8bit, false for the other")
    packing = in_eight() if eight else in_four(section)
    rules, names = skipping(section, "llm_int8_skip_modules", packing, projection)
    title = packing.name if eight else f"{packing.name}, scales {'int8' if double(section) else 'fp32'}"
    notes = () if eight else (STATE,)
    listed = (names.listed(),)
    return Storage("bitsandbytes", title, rules, names.by_layer, names.by_expert, listed, notes=notes)


def double(section: Section) -> bool:
    """Whether scales are quantised too."""
    return section.flag("bnb_4bit_use_double_quant")


def in_eight() -> Packing:
    """LLM.int8: int8 with one fp32 scale per row, and a byte that names the layout."""
    layout = Piece("weight_format", Part.OTHER, 8, 0, 0)
    return Packing("int8, one scale per channel", (Piece("weight", Part.VALUES, 8), scales("SCB", 32, 1, 0), layout))


def in_four(section: Section) -> Packing:
    """4 bits, two to a byte, in blocks along the weight laid end to end; a table of the 16 values."""
    sort = section.word("bnb_4bit_quant_type", ("nf4", "fp4"), "fp4")
    section.word("bnb_4bit_quant_storage", ("uint8", "float16", "bfloat16", "float32", "int8"), "uint8")
    values = Piece("weight", Part.VALUES, 4, flat=True)
    table = Piece("quant_map", Part.OTHER, 32, 0, 0, times=16)
    if not double(section):
        return Packing(f"{sort}, blocks of {BLOCK}", (values, flat("absmax", 32, BLOCK), table))
    nested = (
        flat("absmax", 8, BLOCK),
        flat("nested_absmax", 32, BLOCK * NESTED),
        Piece("nested_quant_map", Part.OTHER, 32, 0, 0, times=256),
    )
    return Packing(f"{sort}, blocks of {BLOCK}, scales quantised", (values, *nested, table))


def flat(name: str, bits: int, block: int) -> Piece:
    """A scale per so many elements of the weight laid end to end."""
    return Piece(name, Part.SCALES, bits, 1, block, flat=True)
